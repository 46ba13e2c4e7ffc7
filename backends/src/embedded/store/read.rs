//! Reading a chunk: complete up to its end, every cell checked.

use super::check;
use super::sql::{Bound, Select};
use crate::embedded::file::is_corrupt;
use crate::key;
use bytes::Bytes;
use domain::port::{Chunk, Query, StoreError};
use domain::table::{Cell, CellKey, ColumnType, KeyValue};
use rusqlite::types::{FromSqlResult, ValueRef};
use rusqlite::{Connection, Row, params_from_iter};
use std::sync::Arc;

const CHUNK_CELLS_MAX: usize = 5_000;
const CHUNK_BYTES_MAX: usize = 1024 * 1024;
/// Where the key's columns begin in a row.
const KEY_COLUMN: usize = 3;

/// The next chunk of an answer.
pub fn chunk(connection: &Connection, query: &Query, now_ms: i64) -> Result<Chunk, StoreError> {
    let after = query.resume.as_ref().map(key::resume_after).transpose()?;
    let select = Select::new(query, after.as_deref(), now_ms);
    let failed = |error: rusqlite::Error| failed(&error, query);
    let mut statement = connection.prepare_cached(&select.sql).map_err(failed)?;
    let mut rows = statement.query(params_from_iter(select.values.iter().map(Bound))).map_err(failed)?;
    let mut check = check::OfPartition::new(query.table, &query.partition);
    let mut cells: Vec<Cell> = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next().map_err(failed)? {
        let cell = parse(row, query, cells.last(), &mut check)?;
        bytes += cell.value.len();
        cells.push(cell);
        if cells.len() >= CHUNK_CELLS_MAX || bytes >= CHUNK_BYTES_MAX {
            let next = cells.last().map(|last| key::page_state(&last.key.clustering));
            return Ok(Chunk { cells, next });
        }
    }
    Ok(Chunk { cells, next: None })
}

/// The cell of a row; what is the same as in the cell before is shared with it.
fn parse(
    row: &Row<'_>,
    query: &Query,
    before: Option<&Cell>,
    check: &mut check::OfPartition,
) -> Result<Cell, StoreError> {
    let before = before.map_or(&[][..], |cell| &cell.key.clustering);
    let clustering = clustering(row, query, before).map_err(|error| damaged(query, &error.to_string()))?;
    let stored = || {
        let value = Bytes::copy_from_slice(row.get_ref(1)?.as_blob()?);
        Ok((row.get(0)?, value, row.get(2)?))
    };
    let stored: rusqlite::Result<(i64, Bytes, u32)> = stored();
    match stored {
        Ok((timestamp, value, written)) if check.of(&clustering, timestamp, &value) == written => {
            let key = CellKey { table: query.table, partition: query.partition.clone(), clustering };
            Ok(Cell { key, timestamp, value })
        }
        _ => Err(damaged(query, &key::describe(&clustering))),
    }
}

fn clustering(row: &Row<'_>, query: &Query, before: &[KeyValue]) -> rusqlite::Result<Vec<KeyValue>> {
    let mut values = Vec::with_capacity(query.table.clustering.len());
    for (index, column) in query.table.clustering.iter().enumerate() {
        values.push(key_value(row.get_ref(index + KEY_COLUMN)?, column.kind, before.get(index))?);
    }
    Ok(values)
}

/// The value of a key column; a text that is the same as the one before is shared with it.
pub(super) fn key_value(
    stored: ValueRef<'_>,
    kind: ColumnType,
    before: Option<&KeyValue>,
) -> FromSqlResult<KeyValue> {
    Ok(match kind {
        ColumnType::Text => KeyValue::Text(text(stored, before)?),
        ColumnType::Int => KeyValue::Int(stored.as_i64()?),
        ColumnType::Timestamp => KeyValue::Timestamp(stored.as_i64()?),
        ColumnType::Blob => KeyValue::Blob(Bytes::copy_from_slice(stored.as_blob()?)),
    })
}

fn text(stored: ValueRef<'_>, before: Option<&KeyValue>) -> FromSqlResult<Arc<str>> {
    let text = stored.as_str()?;
    let same = before.and_then(KeyValue::as_shared).filter(|before| ***before == *text);
    Ok(same.map_or_else(|| text.into(), Arc::clone))
}

fn failed(error: &rusqlite::Error, query: &Query) -> StoreError {
    if is_corrupt(error) {
        damaged(query, &error.to_string())
    } else {
        StoreError::Unavailable(error.to_string())
    }
}

fn damaged(query: &Query, within: &str) -> StoreError {
    let partition = key::describe(&query.partition);
    let key = if within.is_empty() { partition } else { format!("{partition}/{within}") };
    StoreError::Damaged { table: query.table.name, key }
}
