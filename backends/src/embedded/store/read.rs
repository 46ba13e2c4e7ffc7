//! Reading a chunk: complete up to its end, every cell checked.

use super::check;
use super::sql::{Bound, Select};
use crate::embedded::file::is_corrupt;
use crate::key;
use bytes::Bytes;
use domain::port::{Chunk, Query, StoreError};
use domain::table::{Cell, CellKey, ColumnType, KeyValue};
use rusqlite::{Connection, Row, params_from_iter};

const CHUNK_CELLS_MAX: usize = 5_000;
const CHUNK_BYTES_MAX: usize = 1024 * 1024;

/// The next chunk of an answer.
pub fn chunk(connection: &Connection, query: &Query, now_ms: i64) -> Result<Chunk, StoreError> {
    let after = query.resume.as_ref().map(key::resume_after).transpose()?;
    let select = Select::new(query, after.as_deref(), now_ms);
    let failed = |error: rusqlite::Error| failed(&error, query);
    let mut statement = connection.prepare_cached(&select.sql).map_err(failed)?;
    let mut rows = statement.query(params_from_iter(select.values.iter().map(Bound))).map_err(failed)?;
    let mut cells: Vec<Cell> = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next().map_err(failed)? {
        let cell = parse(row, query)?;
        bytes += cell.value.len();
        cells.push(cell);
        if cells.len() >= CHUNK_CELLS_MAX || bytes >= CHUNK_BYTES_MAX {
            let next = cells.last().map(|last| key::page_state(&last.key.clustering));
            return Ok(Chunk { cells, next });
        }
    }
    Ok(Chunk { cells, next: None })
}

fn parse(row: &Row<'_>, query: &Query) -> Result<Cell, StoreError> {
    let clustering = clustering(row, query).map_err(|error| damaged(query, &error.to_string()))?;
    let key = CellKey { table: query.table, partition: query.partition.clone(), clustering };
    let stored = || {
        let value = Bytes::copy_from_slice(row.get_ref(1)?.as_blob()?);
        Ok((row.get(0)?, value, row.get(2)?))
    };
    let stored: rusqlite::Result<(i64, Bytes, u32)> = stored();
    match stored {
        Ok((timestamp, value, check)) if check::of(&key, timestamp, &value) == check => {
            Ok(Cell { key, timestamp, value })
        }
        _ => Err(damaged(query, &check::describe(&key.clustering))),
    }
}

fn clustering(row: &Row<'_>, query: &Query) -> rusqlite::Result<Vec<KeyValue>> {
    let columns = (3..).zip(query.table.clustering);
    let value = |(index, column): (usize, &domain::table::Column)| {
        Ok(match column.kind {
            ColumnType::Text => KeyValue::Text(row.get(index)?),
            ColumnType::Int => KeyValue::Int(row.get(index)?),
            ColumnType::Timestamp => KeyValue::Timestamp(row.get(index)?),
            ColumnType::Blob => KeyValue::Blob(Bytes::copy_from_slice(row.get_ref(index)?.as_blob()?)),
        })
    };
    columns.map(value).collect()
}

fn failed(error: &rusqlite::Error, query: &Query) -> StoreError {
    if is_corrupt(error) {
        damaged(query, &error.to_string())
    } else {
        StoreError::Unavailable(error.to_string())
    }
}

fn damaged(query: &Query, within: &str) -> StoreError {
    let partition = check::describe(&query.partition);
    let key = if within.is_empty() { partition } else { format!("{partition}/{within}") };
    StoreError::Damaged { table: query.table.name, key }
}
