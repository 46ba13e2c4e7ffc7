//! How many pulses the aggregate rows of a partition hold.

use super::Days;
use crate::meta::damaged;
use domain::aggregate::{Row, RowKey, partition_key};
use domain::port::{CellStore, Query, StoreError};
use domain::position::Position;
use domain::table::{AGGREGATE, Cell};
use proto::blob::Blob;

/// What rows hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Pulses.
    pub pulses: u64,
    /// The last position that changed any of them.
    pub newest: Position,
}

/// Adds up the rows of those tenants and days that this partition wrote, a chunk at a time.
pub async fn count(store: &dyn CellStore, days: &Days, place: (u32, u32)) -> Result<Counted, StoreError> {
    let mut counted = Counted::default();
    for (tenant, day) in days {
        let mut query = Query::all(&AGGREGATE, partition_key(tenant, *day));
        loop {
            let chunk = store.read(&query).await?;
            for cell in &chunk.cells {
                counted.add(cell, place)?;
            }
            match chunk.next {
                Some(next) => query.resume = Some(next),
                None => break,
            }
        }
    }
    Ok(counted)
}

impl Counted {
    fn add(&mut self, cell: &Cell, place: (u32, u32)) -> Result<(), StoreError> {
        let key = RowKey::from_cell_key(&cell.key).ok_or_else(|| damaged(&cell.key))?;
        if (key.generation, key.partition) != place {
            return Ok(());
        }
        let row = Row::from_blob(&cell.value).map_err(|_| damaged(&cell.key))?;
        self.pulses += row.count();
        self.newest = self.newest.max(row.position);
        Ok(())
    }
}
