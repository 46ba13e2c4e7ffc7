//! Writes snapshots as the log grows.

use super::{Unusable, bytes, find_record, load};
use crate::state::State;
use crate::view::View;
use domain::hash::fingerprint;
use domain::port::{CellStore, Log};
use domain::table::Cell;
use proto::blob::Blob;
use proto::part;
use proto::snapshot::{SnapshotHead, head_key, part_key, stamp};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Fewer commands than this are folded sooner than a snapshot is read.
const COMMANDS_MIN: u64 = 256;
const PARTS_AT_ONCE: usize = 16;
const RETRY_DELAY: Duration = Duration::from_secs(10);

/// Writes a snapshot whenever the log has grown by a quarter, until shutdown.
pub(crate) async fn run(view: View, store: Arc<dyn CellStore>, shutdown: CancellationToken) {
    shutdown.run_until_cancelled(follow(&view, &*store)).await;
}

async fn follow(view: &View, store: &dyn CellStore) {
    let mut kept = load(&**view.log(), store).await.offset();
    // A view that stands still has nothing to keep any more.
    while let Ok(state) = view.at_least(due(kept)).await {
        match write(&**view.log(), store, &state).await {
            Ok(()) => kept = state.offset(),
            Err(error) => {
                tracing::warn!(%error, "the catalogue's snapshot cannot be written");
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }
}

/// From which offset on the next snapshot is written. Each is a quarter longer than the one before, so that all there
/// ever were take at most five times the room of the last, and what is folded again at a start is at most a fifth.
pub(super) const fn due(kept: u64) -> u64 {
    let quarter = kept / 4;
    kept + if quarter > COMMANDS_MIN { quarter } else { COMMANDS_MIN }
}

/// Writes the parts, and when all are durable the head.
pub(super) async fn write(log: &dyn Log, store: &dyn CellStore, state: &State) -> Result<(), Unusable> {
    let offset = state.offset();
    let record = find_record(log, offset).await?.ok_or(Unusable::OtherLog)?;
    let content = bytes::write(state);
    let head = SnapshotHead { offset, content: fingerprint(&content), record };
    let parts = (0..).zip(part::split(&content));
    let cells = parts.map(|(number, part)| cell(part_key(offset, number), offset, part));
    for chunk in cells.collect::<Vec<_>>().chunks(PARTS_AT_ONCE) {
        store.write(chunk.to_vec()).await?;
    }
    store.write(vec![cell(head_key(), offset, head.to_blob())]).await?;
    tracing::info!(offset, bytes = content.len(), "the catalogue is kept in a snapshot");
    Ok(())
}

fn cell(key: domain::table::CellKey, offset: u64, value: ::bytes::Bytes) -> Cell {
    Cell { key, timestamp: stamp(offset), value }
}
