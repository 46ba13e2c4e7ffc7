//! Reading a chunk: one page of the engine, and where to go on.

use super::statements::Statements;
use super::{outcome, value};
use crate::key;
use bytes::{Buf, BufMut, BytesMut};
use domain::port::{Chunk, PageState, Query, StoreError};
use domain::table::{Cell, CellKey, KeyValue};
use scylla::response::{PagingState, PagingStateResponse};
use scylla::value::Row;

/// The most rows of a first page, whose cells may be of any size.
const FIRST_ROWS_MAX: i32 = 256;
/// The most rows of a page.
const ROWS_MAX: i32 = 5_000;
/// The bytes a page should have, judged by the page before it.
const PAGE_BYTES: usize = 1024 * 1024;

/// The next chunk of an answer.
pub async fn chunk(statements: &Statements, query: &Query) -> Result<Chunk, StoreError> {
    let start = || Some((FIRST_ROWS_MAX, PagingState::start()));
    let (rows_max, resume) = query
        .resume
        .as_ref()
        .map_or_else(start, parse)
        .ok_or_else(|| StoreError::Unavailable("the page state is not one of this store".into()))?;
    let page = statements.select(query, rows_max, resume).await;
    let (result, next) = page.map_err(|error| outcome::of_read(&error))?;
    let unreadable = |detail: String| StoreError::Damaged { table: query.table.name, key: detail };
    let result = result.into_rows_result().map_err(|error| unreadable(error.to_string()))?;
    let rows = result.rows::<Row>().map_err(|error| unreadable(error.to_string()))?;
    let cells: Vec<Cell> = rows
        .map(|row| cell(query, row.map_err(|error| unreadable(error.to_string()))?))
        .collect::<Result<_, _>>()?;
    let next = match next {
        PagingStateResponse::HasMorePages { state } => Some(page_state(&state, &cells)),
        PagingStateResponse::NoMorePages => None,
    };
    Ok(Chunk { cells, next })
}

/// The cell of a row: its clustering columns, its timestamp, its value.
fn cell(query: &Query, row: Row) -> Result<Cell, StoreError> {
    let mut columns = row.columns.into_iter();
    let clustering: Vec<KeyValue> =
        columns.by_ref().take(query.table.clustering.len()).filter_map(value::key).collect();
    let is_whole = clustering.len() == query.table.clustering.len();
    let timestamp = columns.next().and_then(value::timestamp);
    let value = columns.next().and_then(value::bytes);
    let key = CellKey { table: query.table, partition: query.partition.clone(), clustering };
    match timestamp.zip(value).filter(|_| is_whole) {
        Some((timestamp, value)) => Ok(Cell { key, timestamp, value }),
        None => Err(StoreError::Damaged {
            table: query.table.name,
            key: key::describe(&[key.partition, key.clustering].concat()),
        }),
    }
}

/// Where the engine goes on, and with how many rows: so many that a page is neither small nor large.
fn page_state(state: &PagingState, cells: &[Cell]) -> PageState {
    let state = state.as_bytes_slice().map(AsRef::as_ref).unwrap_or_default();
    let mut bytes = BytesMut::with_capacity(size_of::<i32>() + state.len());
    bytes.put_i32_le(rows_of_next(cells));
    bytes.put_slice(state);
    PageState(bytes.freeze())
}

fn rows_of_next(cells: &[Cell]) -> i32 {
    let bytes: usize = cells.iter().map(|cell| cell.value.len()).sum();
    let rows = cells.len().saturating_mul(PAGE_BYTES) / bytes.max(1);
    i32::try_from(rows).unwrap_or(ROWS_MAX).clamp(1, ROWS_MAX)
}

fn parse(state: &PageState) -> Option<(i32, PagingState)> {
    let mut bytes = state.0.clone();
    let rows_max = bytes.try_get_i32_le().ok().filter(|rows| (1..=ROWS_MAX).contains(rows))?;
    Some((rows_max, PagingState::new_from_raw_bytes(bytes.as_ref())))
}
