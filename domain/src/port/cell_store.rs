//! Tables of cells: folds of a log.

use crate::table::{Cell, KeyValue, Table, TableRef};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;

/// Which cells of one partition key are asked for, by their clustering columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusteringRange {
    /// Values of the first columns.
    pub prefix: Vec<KeyValue>,
    /// The least value of the column after them, inclusive.
    pub from: Option<KeyValue>,
    /// The end of its values, exclusive.
    pub to: Option<KeyValue>,
}

/// A read of one partition key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The table.
    pub table: TableRef,
    /// A value for each partition-key column.
    pub partition: Arc<[KeyValue]>,
    /// Which of its cells.
    pub range: ClusteringRange,
    /// Where the last chunk ended.
    pub resume: Option<PageState>,
}

impl Query {
    /// All cells of a partition key.
    pub fn all(table: &'static Table, partition: impl Into<Arc<[KeyValue]>>) -> Self {
        Self {
            table: TableRef(table),
            partition: partition.into(),
            range: ClusteringRange::default(),
            resume: None,
        }
    }

    /// The one cell of a key.
    pub fn one(key: &crate::table::CellKey) -> Self {
        let range = ClusteringRange { prefix: key.clustering.clone(), ..ClusteringRange::default() };
        Self { table: key.table, partition: key.partition.clone(), range, resume: None }
    }

    /// This read of a range only.
    #[must_use]
    pub fn within(mut self, range: ClusteringRange) -> Self {
        self.range = range;
        self
    }
}

/// A store's own note of where a chunk ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageState(pub Bytes);

/// A part of an answer, in clustering order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The cells.
    pub cells: Vec<Cell>,
    /// Where to go on; `None` is the explicit end.
    pub next: Option<PageState>,
}

/// Why a call on the store failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Any part of the write may have been stored; the same write again is right.
    #[error("the outcome of the write is unknown: {0}")]
    UnknownOutcome(String),
    /// Nothing was written; try later.
    #[error("the store has no room now: {0}")]
    Overloaded(String),
    /// The store cannot be reached.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// A stored cell fails its check.
    #[error("a cell of {table} is damaged at {key}")]
    Damaged {
        /// The table.
        table: &'static str,
        /// The key, for people.
        key: String,
    },
    /// A cell is over the bound.
    #[error("a cell of {bytes} bytes is over the bound of {bytes_max}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
}

/// Tables of cells. Of two writes of one cell the larger timestamp wins, on a tie the larger value.
#[async_trait]
pub trait CellStore: Send + Sync {
    /// Writes cells, durable when it returns. They are not one transaction.
    async fn write(&self, cells: Vec<Cell>) -> Result<(), StoreError>;

    /// Reads a part of an answer: complete up to its explicit end, or an error.
    async fn read(&self, query: &Query) -> Result<Chunk, StoreError>;
}

/// The whole answer of a read, or an error: never a silent part.
pub async fn read_all(store: &dyn CellStore, mut query: Query) -> Result<Vec<Cell>, StoreError> {
    let mut cells = Vec::new();
    loop {
        let chunk = store.read(&query).await?;
        cells.extend(chunk.cells);
        match chunk.next {
            Some(next) => query.resume = Some(next),
            None => return Ok(cells),
        }
    }
}
