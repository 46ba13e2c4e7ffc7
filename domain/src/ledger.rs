//! The ledger's ids: what makes a re-send count once.

use crate::position::Position;
use crate::table::{CellKey, KeyValue, LEDGER};

/// The next block begins at the first record after the current one holds this many ids.
pub const BLOCK_IDS: u32 = 1_024;

/// One id seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    /// Where it was first seen.
    pub position: Position,
    /// The identity's hash.
    pub identity: u128,
    /// The content's hash.
    pub content: u64,
}

/// Where ids of one bucket and slice are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SliceKey {
    /// The log's generation.
    pub generation: u32,
    /// The partition within.
    pub partition: u32,
    /// Which minutes.
    pub bucket: i64,
    /// Which hashes.
    pub slice: u32,
}

impl SliceKey {
    /// The partition key of all its blocks.
    pub fn partition_key(&self) -> Vec<KeyValue> {
        vec![self.generation.into(), self.partition.into(), self.bucket.into(), self.slice.into()]
    }

    /// The key of one block.
    pub fn cell_key(&self, block: i64) -> CellKey {
        CellKey::new(&LEDGER, self.partition_key(), vec![block.into()])
    }
}

/// The ids of one (bucket, slice) that were first seen in one block, rising by position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block(pub Vec<Seen>);

impl Block {
    /// The position of its last id, which is its write timestamp.
    pub fn position(&self) -> Position {
        self.0.last().map_or(Position::START, |seen| seen.position)
    }
}
