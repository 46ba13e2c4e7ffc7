//! How far the worker has come in a log: its cell holds and is stamped by the next offset.

use super::{PricingError, WORKER};
use domain::checkpoint::worker_key;
use domain::port::{CellStore, Query, StoreError, read_all};
use domain::table::{Cell, WORKER_CHECKPOINT};
use proto::blob::{Blob, NextOffset};

/// The first offset not dealt with yet; `None`: the worker never came here.
pub(super) async fn load(
    store: &dyn CellStore,
    topic: &str,
    partition: u32,
) -> Result<Option<u64>, PricingError> {
    let key = worker_key(WORKER, topic, partition);
    let cells = read_all(store, Query::one(&key)).await?;
    let Some(cell) = cells.first() else { return Ok(None) };
    let damaged = |_| StoreError::Damaged {
        table: WORKER_CHECKPOINT.name,
        key: format!("{WORKER}/{topic}/{partition}"),
    };
    Ok(Some(NextOffset::from_blob(&cell.value).map_err(damaged)?.0))
}

/// Notes that everything below `next` is dealt with; a note of less, written later, does not undo it.
pub(super) async fn save(
    store: &dyn CellStore,
    topic: &str,
    partition: u32,
    next: u64,
) -> Result<(), PricingError> {
    let timestamp = i64::try_from(next).unwrap_or(i64::MAX);
    let cell =
        Cell { key: worker_key(WORKER, topic, partition), timestamp, value: NextOffset(next).to_blob() };
    Ok(store.write(vec![cell]).await?)
}
