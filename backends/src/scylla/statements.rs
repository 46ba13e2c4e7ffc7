//! The only statements there are, prepared once: one to write a cell of a table, one for each shape of a read.

use super::OpenError;
use super::cql::{self, Shape};
use super::value::{Bound, stamped};
use domain::port::Query;
use domain::table::{Cell, TABLES, Table};
use futures::future::try_join_all;
use scylla::client::session::Session;
use scylla::errors::ExecutionError;
use scylla::response::query_result::QueryResult;
use scylla::response::{PagingState, PagingStateResponse};
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use std::collections::HashMap;

/// A session that can write cells with their stamps and read them, and nothing else.
pub struct Statements {
    session: Session,
    inserts: HashMap<&'static str, PreparedStatement>,
    selects: HashMap<(&'static str, Shape), PreparedStatement>,
}

impl Statements {
    /// Prepares them all.
    pub async fn prepare(session: Session, keyspace: &str) -> Result<Self, OpenError> {
        let prepare = async |text: String| {
            let mut statement = session.prepare(text.as_str()).await.map_err(OpenError::unprepared(&text))?;
            statement.set_is_idempotent(true);
            Ok::<_, OpenError>(statement)
        };
        let insert = async |table: &'static Table| {
            Ok::<_, OpenError>((table.name, prepare(cql::insert(keyspace, table)).await?))
        };
        let select = async |(table, shape): (&'static Table, Shape)| {
            Ok::<_, OpenError>(((table.name, shape), prepare(cql::select(keyspace, table, shape)).await?))
        };
        let shapes = TABLES.into_iter().flat_map(|table| Shape::all(table).map(move |shape| (table, shape)));
        let inserts = try_join_all(TABLES.into_iter().map(insert)).await?.into_iter().collect();
        let selects = try_join_all(shapes.map(select)).await?.into_iter().collect();
        Ok(Self { session, inserts, selects })
    }

    /// Writes cells of one partition key: one as it is, several in one unlogged batch, which is one mutation.
    pub async fn insert(&self, cells: &[Cell]) -> Result<(), ExecutionError> {
        let [first, ..] = cells else { return Ok(()) };
        let insert = &self.inserts[first.key.table.name];
        if let [cell] = cells {
            return self.session.execute_unpaged(insert, stamped(cell)).await.map(drop);
        }
        let mut batch = Batch::new(BatchType::Unlogged);
        for _ in cells {
            batch.append_statement(insert.clone());
        }
        batch.set_is_idempotent(true);
        let values: Vec<Vec<Bound<'_>>> = cells.iter().map(stamped).collect();
        self.session.batch(&batch, values).await.map(drop)
    }

    /// Reads a page of so many rows at most.
    pub async fn select(
        &self,
        query: &Query,
        rows_max: i32,
        resume: PagingState,
    ) -> Result<(QueryResult, PagingStateResponse), ExecutionError> {
        let shape = Shape::of(query);
        let mut select = self.selects[&(query.table.name, shape)].clone();
        select.set_page_size(rows_max);
        let values: Vec<Bound<'_>> = shape.values(query).map(Bound::Key).collect();
        self.session.execute_single_page(&select, values, resume).await
    }
}
