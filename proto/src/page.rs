//! Records of the log kept in cells beyond the log's own retention: whole, in [parts](crate::part).

use crate::blob::BlobError;
use crate::log;
use crate::part;
use bytes::Bytes;
use domain::port::{Entry, Header};
use domain::table::{CellKey, PAGE};
use domain::time::Timestamp;
use prost::Message;

/// How many offsets share a partition key.
pub const OFFSETS_PER_PAGE: u64 = 1_024;

/// The cells' values of a whole entry: time, headers and value.
pub fn split(entry: &Entry) -> Vec<Bytes> {
    let kept = log::KeptRecord {
        timestamp_nanos: entry.timestamp.nanos(),
        headers: entry.headers.iter().map(write_header).collect(),
        value: entry.value.clone(),
    };
    part::split(&kept.encode_to_vec())
}

/// The entry of all its parts, in their order.
pub fn join(offset: u64, parts: &[Bytes]) -> Result<Entry, BlobError> {
    let content = part::join(parts)?;
    let kept = log::KeptRecord::decode(Bytes::from(content)).map_err(|_| BlobError::Damaged)?;
    let headers =
        kept.headers.into_iter().map(|header| Header { name: header.name, value: header.value }).collect();
    Ok(Entry { offset, timestamp: Timestamp::from_nanos(kept.timestamp_nanos), headers, value: kept.value })
}

/// The cell of a part.
pub fn page_key(generation: u32, partition: u32, offset: u64, part: u32) -> CellKey {
    let number = |offset: u64| i64::try_from(offset).expect("an offset fits its position, which has 63 bits");
    let page = number(offset / OFFSETS_PER_PAGE);
    CellKey::new(
        &PAGE,
        vec![generation.into(), partition.into(), page.into()],
        vec![number(offset).into(), part.into()],
    )
}

fn write_header(header: &Header) -> log::KeptHeader {
    log::KeptHeader { name: header.name.clone(), value: header.value.clone() }
}
