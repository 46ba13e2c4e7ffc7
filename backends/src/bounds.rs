//! How large what is stored may be: the same for every adapter, so that what one takes every other takes.

use domain::port::{LogError, NewRecord, StoreError};
use domain::table::{Cell, KeyValue};

/// The most bytes of a record's headers and value: a full record of pulses and room for headers.
pub const RECORD_BYTES_MAX: usize = domain::position::RECORD_BYTES_MAX + 64 * 1024;
/// The most records of one read, whatever its limit: empty ones take memory too.
pub(crate) const READ_RECORDS_MAX: u64 = 4_096;
/// The most bytes of a cell's key and value.
pub const CELL_BYTES_MAX: usize = 1024 * 1024;

/// The bytes of all records together, or the first that is over the bound.
pub(crate) fn check_records(records: &[NewRecord]) -> Result<usize, LogError> {
    records.iter().try_fold(0, |total, record| {
        let headers: usize = record.headers.iter().map(|header| header.name.len() + header.value.len()).sum();
        let bytes = headers + record.value.len();
        let too_large = LogError::TooLarge { bytes, bytes_max: RECORD_BYTES_MAX };
        if bytes > RECORD_BYTES_MAX { Err(too_large) } else { Ok(total + bytes) }
    })
}

/// The bytes of all cells together, or the first that is over the bound.
pub(crate) fn check_cells(cells: &[Cell]) -> Result<usize, StoreError> {
    cells.iter().try_fold(0, |total, cell| {
        let key: usize = cell.key.partition.iter().chain(&cell.key.clustering).map(key_bytes).sum();
        let bytes = key + cell.value.len();
        let too_large = StoreError::TooLarge { bytes, bytes_max: CELL_BYTES_MAX };
        if bytes > CELL_BYTES_MAX { Err(too_large) } else { Ok(total + bytes) }
    })
}

fn key_bytes(value: &KeyValue) -> usize {
    match value {
        KeyValue::Text(text) => text.len(),
        KeyValue::Blob(blob) => blob.len(),
        KeyValue::Int(_) | KeyValue::Timestamp(_) => size_of::<i64>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use domain::port::Header;
    use domain::table::{CHARGE, CellKey};

    #[test]
    fn headers_count_towards_the_bound_of_a_record() {
        let header = Header { name: "name".into(), value: Bytes::from_static(b"value") };
        let fits = NewRecord { headers: vec![header], value: vec![0; RECORD_BYTES_MAX - 9].into() };
        assert_eq!(check_records(&[fits.clone(), NewRecord::default()]), Ok(RECORD_BYTES_MAX));
        let over = NewRecord { value: vec![0; RECORD_BYTES_MAX - 8].into(), ..fits };
        let expected = LogError::TooLarge { bytes: RECORD_BYTES_MAX + 1, bytes_max: RECORD_BYTES_MAX };
        assert_eq!(check_records(&[over]), Err(expected));
    }

    #[test]
    fn the_key_counts_towards_the_bound_of_a_cell() {
        let key = CellKey::new(&CHARGE, vec![KeyValue::text("acme")], vec![KeyValue::text("2026-01")]);
        let cell = |bytes| Cell { key: key.clone(), timestamp: 1, value: vec![0; bytes].into() };
        assert_eq!(check_cells(&[cell(CELL_BYTES_MAX - 11)]), Ok(CELL_BYTES_MAX));
        assert!(matches!(check_cells(&[cell(CELL_BYTES_MAX - 10)]), Err(StoreError::TooLarge { .. })));
    }
}
