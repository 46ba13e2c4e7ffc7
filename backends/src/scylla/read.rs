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
    let result = result.into_rows_result().map_err(|error| unreadable(&error))?;
    let rows = result.rows::<Row>().map_err(|error| unreadable(&error))?;
    let cells: Vec<Cell> =
        rows.map(|row| cell(query, row.map_err(|error| unreadable(&error))?)).collect::<Result<_, _>>()?;
    let next = match next {
        PagingStateResponse::HasMorePages { state } => Some(page_state(&state, &cells)),
        PagingStateResponse::NoMorePages => None,
    };
    Ok(Chunk { cells, next })
}

/// An answer that cannot be parsed says nothing about what is stored.
fn unreadable(error: &dyn std::error::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

/// The cell of a row: its clustering columns, its timestamp, its value.
fn cell(query: &Query, row: Row) -> Result<Cell, StoreError> {
    let mut columns = row.columns.into_iter();
    let clustering: Vec<KeyValue> =
        columns.by_ref().take(query.table.clustering.len()).map_while(value::key).collect();
    let is_whole = clustering.len() == query.table.clustering.len();
    let timestamp = columns.next().and_then(value::timestamp);
    let value = columns.next().and_then(value::bytes);
    let key = CellKey { table: query.table, partition: query.partition.clone(), clustering };
    match timestamp.zip(value).filter(|_| is_whole) {
        Some((timestamp, value)) => Ok(Cell { key, timestamp, value }),
        None => Err(StoreError::Damaged {
            table: query.table.name,
            key: key::describe(&[&key.partition[..], &key.clustering].concat()),
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
    if cells.is_empty() {
        return FIRST_ROWS_MAX;
    }
    let bytes: usize = cells.iter().map(|cell| cell.value.len()).sum();
    let rows = cells.len().saturating_mul(PAGE_BYTES) / bytes.max(1);
    i32::try_from(rows).unwrap_or(ROWS_MAX).clamp(1, ROWS_MAX)
}

fn parse(state: &PageState) -> Option<(i32, PagingState)> {
    let mut bytes = state.0.clone();
    let rows_max = bytes.try_get_i32_le().ok().filter(|rows| (1..=ROWS_MAX).contains(rows))?;
    Some((rows_max, PagingState::new_from_raw_bytes(bytes.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::table::{CHARGE, CHECKPOINT};
    use scylla::value::CqlValue;

    fn cells(count: usize, bytes: usize) -> Vec<Cell> {
        let key = CellKey::new(&CHECKPOINT, vec![1_i64.into(), 0_i64.into()], vec![]);
        vec![Cell { key, timestamp: 1, value: vec![0; bytes].into() }; count]
    }

    #[test]
    fn a_page_state_gives_the_place_and_the_rows_of_the_next_page_back() {
        let state = PagingState::new_from_raw_bytes([7, 8, 9]);
        let (rows_max, resume) = parse(&page_state(&state, &cells(2, 1_024))).unwrap();
        assert_eq!((rows_max, resume), (1_024, state));
    }

    #[test]
    fn what_is_no_page_state_is_refused() {
        for bytes in
            [&b""[..], b"abc", &0_i32.to_le_bytes(), &(-1_i32).to_le_bytes(), &i32::MAX.to_le_bytes()]
        {
            assert!(parse(&PageState(bytes.to_vec().into())).is_none(), "{bytes:?}");
        }
    }

    #[test]
    fn the_next_page_has_about_the_bytes_of_a_page() {
        assert_eq!(rows_of_next(&cells(256, 4_096)), 256);
        assert_eq!(rows_of_next(&cells(256, PAGE_BYTES)), 1);
        assert_eq!(rows_of_next(&cells(256, PAGE_BYTES * 2)), 1);
        assert_eq!(rows_of_next(&cells(256, 1)), ROWS_MAX);
        assert_eq!(rows_of_next(&cells(256, 0)), ROWS_MAX);
        assert_eq!(rows_of_next(&[]), FIRST_ROWS_MAX, "an empty page tells nothing");
    }

    #[test]
    fn a_row_without_value_or_key_is_damage_and_is_named() {
        let query = Query::all(&CHARGE, vec![KeyValue::text("acme")]);
        let text = || Some(CqlValue::Text("2026-01".to_owned()));
        let (stamp, value) = (Some(CqlValue::BigInt(7)), Some(CqlValue::Blob(vec![1])));
        let columns = vec![text(), stamp.clone(), value.clone()];
        let read = cell(&query, Row { columns }).unwrap();
        assert_eq!(
            (read.timestamp, &read.value[..], &read.key.clustering[0]),
            (7, &[1][..], &KeyValue::text("2026-01"))
        );
        for columns in [
            vec![text(), stamp.clone(), None],
            vec![text(), None, value.clone()],
            vec![None, stamp.clone(), value.clone()],
            vec![text(), stamp, Some(CqlValue::Text("text".to_owned()))],
        ] {
            let error = cell(&query, Row { columns }).unwrap_err();
            assert!(error.to_string().starts_with("a cell of charge is damaged at acme"), "{error}");
        }
    }
}
