//! Which partition keys of a table hold cells: what a copy of the whole store goes by.

use super::read::key_value;
use crate::embedded::store::sql::{Bound, partitions_after};
use crate::key;
use domain::port::StoreError;
use domain::table::{KeyValue, Table};
use rusqlite::{Connection, Row, params_from_iter};

/// Partition keys of one answer.
const PARTITIONS_MAX: usize = 1_000;

/// The next partition keys after one, in the file's order; none: the table ends there.
pub fn partitions(
    connection: &Connection,
    table: &'static Table,
    after: Option<&[KeyValue]>,
) -> Result<Vec<Vec<KeyValue>>, StoreError> {
    let failed = |error: rusqlite::Error| StoreError::Unavailable(error.to_string());
    let sql = partitions_after(table, after.is_some(), PARTITIONS_MAX);
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let mut rows =
        statement.query(params_from_iter(after.unwrap_or_default().iter().map(Bound))).map_err(failed)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let damaged = |_| StoreError::Damaged { table: table.name, key: last(&found) };
        found.push(partition(row, table).map_err(damaged)?);
    }
    Ok(found)
}

fn partition(row: &Row<'_>, table: &Table) -> rusqlite::Result<Vec<KeyValue>> {
    let columns = table.partition.iter().enumerate();
    columns.map(|(index, column)| Ok(key_value(row.get_ref(index)?, column.kind, None)?)).collect()
}

/// Where the one that is damaged follows.
fn last(found: &[Vec<KeyValue>]) -> String {
    found.last().map_or_else(|| "the first".to_owned(), |last| format!("after {}", key::describe(last)))
}
