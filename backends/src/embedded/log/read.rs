//! Reading a range of a partition: every record is checked, none is skipped.

use super::partition::Partition;
use super::record;
use crate::embedded::file::is_corrupt;
use bytes::Bytes;
use domain::port::{Entry, LogError};
use domain::time::Timestamp;
use rusqlite::{Connection, Row};
use std::ops::Range;

const SELECT: &str =
    "SELECT id, timestamp, headers, value, crc FROM record WHERE id >= ?1 AND id < ?2 ORDER BY id";

/// Records from the range's start on, as many as fit the bytes, at least one. Records before a damaged one are
/// returned; the damaged one is an error only when it is the first.
pub fn range(
    connection: &Connection,
    partition: &Partition,
    offsets: Range<u64>,
    bytes_max: usize,
) -> Result<Vec<Entry>, LogError> {
    let mut entries = Vec::new();
    match fill(&mut entries, connection, partition, (offsets, bytes_max)) {
        Err(error) if entries.is_empty() => Err(error),
        _ => Ok(entries),
    }
}

fn fill(
    entries: &mut Vec<Entry>,
    connection: &Connection,
    partition: &Partition,
    (offsets, bytes_max): (Range<u64>, usize),
) -> Result<(), LogError> {
    let start = offsets.start;
    let mut select = connection.prepare_cached(SELECT).map_err(|error| failed(&error, start))?;
    let rows = (partition.row(offsets.start), partition.row(offsets.end));
    let mut rows = select.query(rows).map_err(|error| failed(&error, start))?;
    let mut bytes = 0;
    for offset in offsets {
        let row = rows.next().map_err(|error| failed(&error, offset))?;
        let row = row.ok_or_else(|| damaged(offset, "it is missing"))?;
        let entry = parse(row, partition, offset)?;
        bytes += entry.value.len();
        if bytes > bytes_max && !entries.is_empty() {
            break;
        }
        entries.push(entry);
    }
    Ok(())
}

fn parse(row: &Row<'_>, partition: &Partition, offset: u64) -> Result<Entry, LogError> {
    let stored = || {
        let blob = |index| Ok::<_, rusqlite::Error>(Bytes::copy_from_slice(row.get_ref(index)?.as_blob()?));
        Ok((row.get(0)?, Timestamp::from_nanos(row.get(1)?), blob(2)?, blob(3)?, row.get(4)?))
    };
    let stored: rusqlite::Result<(i64, _, _, _, u32)> = stored();
    let (id, timestamp, headers, value, check) = stored.map_err(|error| failed_row(&error, offset))?;
    if partition.offset(id) != offset {
        return Err(damaged(offset, "it is missing"));
    }
    if record::check(id, timestamp, &headers, &value) != check {
        return Err(damaged(offset, "its check fails"));
    }
    let headers =
        record::parse_headers(headers).ok_or_else(|| damaged(offset, "its headers cannot be read"))?;
    Ok(Entry { offset, timestamp, headers, value })
}

fn failed(error: &rusqlite::Error, offset: u64) -> LogError {
    if is_corrupt(error) { failed_row(error, offset) } else { LogError::Unavailable(error.to_string()) }
}

fn failed_row(error: &rusqlite::Error, offset: u64) -> LogError {
    damaged(offset, &error.to_string())
}

fn damaged(offset: u64, detail: &str) -> LogError {
    LogError::Damaged { offset, detail: detail.into() }
}
