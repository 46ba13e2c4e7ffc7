//! The tables of cells in ScyllaDB, or in whatever else speaks CQL: a CQL table for each, a row for each cell.
//!
//! A cell's own timestamp is the write timestamp of its row, so the rule of the port is the engine's: of two writes
//! the larger timestamp wins, on a tie the larger value. Whatever is written or read, is at QUORUM.

mod connection;
mod cql;
mod open_error;
mod options;
mod outcome;
mod read;
pub mod schema;
mod statements;
mod value;
mod write;

pub use open_error::OpenError;
pub use options::{ScyllaOptions, Tls};

use crate::{bounds, metrics};
use async_trait::async_trait;
use domain::port::{CellStore, Chunk, Clock, Query, StoreError};
use domain::table::Cell;
use statements::Statements;
use std::sync::Arc;

/// The cells of a keyspace.
pub struct ScyllaStore {
    clock: Arc<dyn Clock>,
    statements: Statements,
    write_requests_max: usize,
}

impl ScyllaStore {
    /// Connects, checks the schema and prepares every statement once.
    pub async fn open(options: ScyllaOptions, clock: Arc<dyn Clock>) -> Result<Arc<Self>, OpenError> {
        metrics::describe_cql();
        let session = connection::connect(&options).await?;
        let findings = schema::findings(&session, &options).await?;
        if !findings.is_empty() {
            return Err(OpenError::Schema(findings));
        }
        let statements = Statements::prepare(session, &options.keyspace).await?;
        Ok(Arc::new(Self { clock, statements, write_requests_max: options.write_requests_max }))
    }
}

#[async_trait]
impl CellStore for ScyllaStore {
    async fn write(&self, cells: Vec<Cell>) -> Result<(), StoreError> {
        bounds::check_cells(&cells)?;
        let count = cells.len();
        let write = write::write(&self.statements, cells, self.write_requests_max);
        metrics::cql_call("write", &*self.clock, write, |()| count).await
    }

    async fn read(&self, query: &Query) -> Result<Chunk, StoreError> {
        let read = read::chunk(&self.statements, query);
        metrics::cql_call("read", &*self.clock, read, |chunk| chunk.cells.len()).await
    }
}
