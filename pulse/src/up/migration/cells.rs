//! Cells, each with its timestamp: written over itself it stays what it is.

use backends::embedded::EmbeddedStore;
use domain::port::{CellStore, Query, StoreError};
use domain::table::{KeyValue, TABLES, Table};
use futures::{StreamExt, TryStreamExt, stream};

/// Partitions copied at a time.
const PARTITIONS_AT_ONCE: usize = 16;

/// Copies every table, and counts its cells.
pub async fn copy(from: &EmbeddedStore, to: &dyn CellStore) -> Result<Vec<(&'static str, u64)>, StoreError> {
    let mut copied = Vec::new();
    for table in TABLES {
        copied.push((table.name, copy_table(table, from, to).await?));
    }
    Ok(copied)
}

async fn copy_table(
    table: &'static Table,
    from: &EmbeddedStore,
    to: &dyn CellStore,
) -> Result<u64, StoreError> {
    let (mut cells, mut last) = (0, None);
    loop {
        let partitions = from.partitions(table, last).await?;
        last = partitions.last().cloned();
        if last.is_none() {
            return Ok(cells);
        }
        let copies = stream::iter(partitions).map(|partition| copy_partition(table, partition, from, to));
        let copied: Vec<u64> = copies.buffer_unordered(PARTITIONS_AT_ONCE).try_collect().await?;
        cells += copied.iter().sum::<u64>();
    }
}

async fn copy_partition(
    table: &'static Table,
    partition: Vec<KeyValue>,
    from: &EmbeddedStore,
    to: &dyn CellStore,
) -> Result<u64, StoreError> {
    let (mut cells, mut query) = (0, Query::all(table, partition));
    loop {
        let chunk = from.read(&query).await?;
        cells += u64::try_from(chunk.cells.len()).unwrap_or(u64::MAX);
        if !chunk.cells.is_empty() {
            to.write(chunk.cells).await?;
        }
        match chunk.next {
            Some(next) => query.resume = Some(next),
            None => return Ok(cells),
        }
    }
}
