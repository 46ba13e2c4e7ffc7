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
        let counts: Vec<u64> = copies.buffer_unordered(PARTITIONS_AT_ONCE).try_collect().await?;
        cells += counts.iter().sum::<u64>();
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

#[cfg(test)]
mod tests {
    use super::*;
    use backends::embedded::Embedded;
    use backends::memory::{ManualClock, MemoryStore};
    use bytes::Bytes;
    use domain::checkpoint::{Checkpoint, watermark_key};
    use domain::port::{Clock, read_all};
    use domain::table::{Cell, CellKey};
    use domain::time::Timestamp;
    use std::sync::Arc;

    fn cell(key: CellKey, timestamp: i64) -> Cell {
        Cell { key, timestamp, value: Bytes::from(format!("value {timestamp}")) }
    }

    async fn find(store: &MemoryStore, key: &CellKey) -> Vec<Cell> {
        read_all(store, Query::one(key)).await.unwrap()
    }

    #[tokio::test]
    async fn every_cell_comes_with_its_timestamp_and_a_second_copy_undoes_nothing() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_767_225_600)));
        let from = Embedded::ephemeral(clock as Arc<dyn Clock>).unwrap().store;
        let watermarks = (1..=1_200).map(|number| cell(watermark_key(number % 3, number), i64::from(number)));
        let checkpoints =
            (1..=1_100).map(|number| cell(Checkpoint::cell_key(number, 0), i64::from(number) * 256));
        let cells: Vec<Cell> = watermarks.chain(checkpoints).collect();
        from.write(cells.clone()).await.unwrap();
        let to = MemoryStore::new();
        let copied = copy(&from, &to).await.unwrap();
        let some: Vec<_> = copied.iter().filter(|(_, cells)| *cells > 0).copied().collect();
        assert_eq!(some, [("checkpoint", 1_100), ("watermark", 1_200)]);
        assert_eq!(copied.len(), TABLES.len(), "a table of nothing is told too");
        for cell in &cells {
            assert_eq!(find(&to, &cell.key).await, std::slice::from_ref(cell));
        }
        let later = cell(Checkpoint::cell_key(7, 0), i64::MAX);
        to.write(vec![later.clone()]).await.unwrap();
        assert_eq!(copy(&from, &to).await.unwrap(), copied);
        assert_eq!(find(&to, &later.key).await, [later]);
    }
}
