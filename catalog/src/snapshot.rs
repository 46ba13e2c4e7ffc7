//! The catalogue as it was at an offset, in cells: what a process begins with instead of the whole log.
//!
//! A snapshot is used whole or not at all. Whatever is wrong with it, the log is there from its beginning, and says the
//! same.

mod bytes;
mod kept;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use write::run;

use crate::fold::RULES_KNOWN;
use crate::state::State;
use crate::view::partition;
use domain::hash::fingerprint;
use domain::port::{CellStore, Log, LogError, Query, ReadLimit, StoreError, read_all};
use domain::reject::Reject;
use domain::table::CATALOG_PART;
use proto::blob::{Blob, BlobError};
use proto::part;
use proto::snapshot::{SnapshotHead, head_key, parts_of};
use std::time::Duration;

/// Why a snapshot is not used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cell(#[from] BlobError),
    #[error("its parts are not those that its head names")]
    NotWhole,
    #[error("it was taken of another log")]
    OtherLog,
    #[error("a thing of it is not what it should be: {}", .0.message)]
    Thing(#[from] Reject),
    #[error("it holds rules {0}, known are those up to {RULES_KNOWN}")]
    NewerRules(u32),
}

/// The newest snapshot; where there is none that can be used, the state at the log's beginning.
pub async fn load(log: &dyn Log, store: &dyn CellStore) -> State {
    match find(log, store).await {
        Ok(found) => found.unwrap_or_default(),
        Err(error) => {
            tracing::warn!(%error, "the catalogue's snapshot is not used: its log is folded from the beginning");
            State::default()
        }
    }
}

async fn find(log: &dyn Log, store: &dyn CellStore) -> Result<Option<State>, Unusable> {
    let cells = read_all(store, Query::one(&head_key())).await?;
    let Some(cell) = cells.first() else { return Ok(None) };
    let head = SnapshotHead::from_blob(&cell.value)?;
    if find_record(log, head.offset).await? != Some(head.record) {
        return Err(Unusable::OtherLog);
    }
    let cells = read_all(store, Query::all(&CATALOG_PART, parts_of(head.offset))).await?;
    let parts: Vec<_> = cells.into_iter().map(|cell| cell.value).collect();
    let content = part::join(&parts)?;
    if fingerprint(&content) != head.content {
        return Err(Unusable::NotWhole);
    }
    bytes::read(&content, head.offset).map(Some)
}

/// The fingerprint of the last record below an offset. `None`: the log does not reach so far.
async fn find_record(log: &dyn Log, offset: u64) -> Result<Option<u128>, LogError> {
    let Some(last) = offset.checked_sub(1) else { return Ok(None) };
    if log.watermarks(&partition()).await?.high < offset {
        return Ok(None);
    }
    let limit = ReadLimit { bytes: 1, wait: Duration::ZERO };
    let entries = log.read(&partition(), last, limit).await?;
    Ok(entries.first().map(|entry| fingerprint(&entry.value)))
}
