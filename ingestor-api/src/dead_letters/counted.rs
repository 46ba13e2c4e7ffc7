//! Waiting until everything that was acknowledged is counted: only then do the cells show all dead letters.

use domain::checkpoint::watermark_key;
use domain::generation::Registry;
use domain::port::{CellStore, Query, StoreError, read_all};
use domain::time::Timestamp;
use proto::blob::Blob;
use std::time::Duration;

/// How long one waits at most.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// How often one looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Whether everything acknowledged up to `start` was counted in all partitions within the time one waits.
pub(super) async fn is_counted(
    store: &dyn CellStore,
    registry: &Registry,
    start: Timestamp,
) -> Result<bool, StoreError> {
    let wait = async {
        while watermark(store, registry).await? <= start {
            tokio::time::sleep(PAUSE).await;
        }
        Ok(true)
    };
    tokio::time::timeout(WAIT_MAX, wait).await.unwrap_or(Ok(false))
}

/// The least watermark of all partitions; that of one without any is the beginning of time.
async fn watermark(store: &dyn CellStore, registry: &Registry) -> Result<Timestamp, StoreError> {
    let mut least = Timestamp::MAX;
    for generation in registry.generations() {
        for partition in 0..generation.partitions {
            let key = watermark_key(generation.number, partition);
            let cells = read_all(store, Query::one(&key)).await?;
            let watermark = cells.first().and_then(|cell| Timestamp::from_blob(&cell.value).ok());
            least = least.min(watermark.unwrap_or_default());
        }
    }
    Ok(least)
}
