//! The tables of cells in a file: a SQL table for each, an upsert that keeps the version that wins.

mod check;
mod read;
mod scan;
mod sql;
mod write;

use super::file::{self, Kind};
use super::readers::Readers;
use super::writer::{WriteError, Writer};
use super::{Held, OpenError};
use crate::bounds;
use crate::metrics::Meter;
use async_trait::async_trait;
use domain::port::{CellStore, Chunk, Clock, Query, StoreError};
use domain::table::{Cell, KeyValue, Table};
use rusqlite::Connection;
use std::sync::Arc;

/// The file of the store.
pub const STORE: Kind = Kind { name: "store.db", application_id: 0x5043_454c };

/// The cells of an embedded data directory.
pub struct EmbeddedStore {
    clock: Arc<dyn Clock>,
    readers: Readers,
    pub(super) writer: Writer,
    _held: Arc<Held>,
}

impl EmbeddedStore {
    pub(super) fn open(
        connection: Connection,
        clock: Arc<dyn Clock>,
        held: Arc<Held>,
    ) -> Result<Self, OpenError> {
        file::prepare(&connection, &STORE, held.durability)?;
        let meter = Arc::new(Meter::new(STORE.name, Arc::clone(&clock)));
        let readers = Readers::new(held.directory.join(STORE.name), Arc::clone(&meter));
        let writer = Writer::start(STORE.name, connection, Arc::clone(&held.on_fatal), meter);
        let writer = writer.map_err(|error| OpenError::failed(&held.directory, &error))?;
        Ok(Self { clock, readers, writer, _held: held })
    }

    /// Removes rows that have expired, in bounded steps; answers how many.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let now_ms = self.clock.now().millis();
        let mut total = 0;
        loop {
            match self.writer.submit(write::Sweep { now_ms }, 0).await? {
                0 => return Ok(total),
                swept => total += swept,
            }
        }
    }

    /// Partition keys of a table that hold cells, in an order of the file's own: those after one, none where the table
    /// ends. With a read of each, that is everything there is.
    pub async fn partitions(
        &self,
        table: &'static Table,
        after: Option<Vec<KeyValue>>,
    ) -> Result<Vec<Vec<KeyValue>>, StoreError> {
        let scan = move |connection: &Connection| scan::partitions(connection, table, after.as_deref());
        self.readers.run(scan).await.map_err(StoreError::Unavailable)?
    }

    /// Bounds the size of the file.
    pub fn set_bytes_max(&self, bytes_max: u64) {
        self.writer.set_bytes_max(bytes_max);
    }
}

/// The tables of the store's file, which was counted from this log.
pub(super) fn schema(log_id: &str) -> String {
    format!("{} INSERT INTO meta VALUES ('log_id', '{log_id}');", sql::schema())
}

/// Makes the tables that the store's file, made by an older build, does not have yet.
pub(super) fn complete(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&sql::tables())
}

/// A partition and the highest position that stamps a cell.
pub(super) struct Counted {
    pub generation: i64,
    pub partition: i64,
    pub position: i64,
}

/// How far each partition is counted.
pub(super) fn counted(connection: &Connection) -> rusqlite::Result<Vec<Counted>> {
    let mut select = connection.prepare("SELECT generation, partition_number, position FROM counted")?;
    let rows = select.query_map((), |row| {
        Ok(Counted { generation: row.get(0)?, partition: row.get(1)?, position: row.get(2)? })
    })?;
    rows.collect()
}

#[async_trait]
impl CellStore for EmbeddedStore {
    async fn write(&self, cells: Vec<Cell>) -> Result<(), StoreError> {
        let bytes = bounds::check_cells(&cells)?;
        let job = write::Write { cells, now_ms: self.clock.now().millis() };
        Ok(self.writer.submit(job, bytes).await?)
    }

    async fn read(&self, query: &Query) -> Result<Chunk, StoreError> {
        let (query, now_ms) = (query.clone(), self.clock.now().millis());
        let read = move |connection: &Connection| read::chunk(connection, &query, now_ms);
        self.readers.run(read).await.map_err(StoreError::Unavailable)?
    }
}

impl From<WriteError> for StoreError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused(reason) => Self::Overloaded(reason),
            WriteError::Unknown(reason) => Self::UnknownOutcome(reason),
            WriteError::Closed => Self::Unavailable(error.to_string()),
        }
    }
}
