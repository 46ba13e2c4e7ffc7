//! Records of the log kept in cells beyond the log's own retention: whole, compressed, in parts.

use crate::blob::{self, BlobError};
use crate::log;
use bytes::Bytes;
use domain::port::{Entry, Header};
use domain::table::{CellKey, PAGE};
use domain::time::Timestamp;
use prost::Message;
use std::cell::RefCell;
use zstd::bulk::Compressor;

/// How many offsets share a partition key.
pub const OFFSETS_PER_PAGE: u64 = 1_024;
/// The most bytes of one part, its own envelope included.
pub const PART_BYTES_MAX: usize = 48 * 1_024;

const FORMAT: u8 = 1;
/// Bytes of a part besides its data, at most: format, CRC, three keys, two numbers, one length.
const PART_OVERHEAD: usize = 32;
const COMPRESSION_LEVEL: i32 = 3;

/// The cells' values of a whole entry: time, headers and value.
pub fn split(entry: &Entry) -> Vec<Bytes> {
    let kept = log::KeptRecord {
        timestamp_nanos: entry.timestamp.nanos(),
        headers: entry.headers.iter().map(write_header).collect(),
        value: entry.value.clone(),
    };
    let compressed = compress(&kept.encode_to_vec());
    let chunk = PART_BYTES_MAX - PART_OVERHEAD;
    let parts = u32::try_from(compressed.len().div_ceil(chunk)).expect("a record is far below 2^32 parts");
    let starts = (0..compressed.len()).step_by(chunk);
    let data = starts.map(|start| compressed.slice(start..compressed.len().min(start + chunk)));
    (0..parts)
        .zip(data)
        .map(|(part, data)| blob::seal(FORMAT, &log::PagePart { part, parts, data }))
        .collect()
}

thread_local! {
    /// Making a compressor costs more than compressing a small record: each thread keeps its own.
    static COMPRESSOR: RefCell<Compressor<'static>> =
        RefCell::new(Compressor::new(COMPRESSION_LEVEL).expect("the level is one that zstd has"));
}

fn compress(bytes: &[u8]) -> Bytes {
    let compressed = COMPRESSOR.with_borrow_mut(|compressor| compressor.compress(bytes));
    compressed.expect("a buffer of the bound's size has room").into()
}

/// The entry of all its parts, in their order.
pub fn join(offset: u64, parts: &[Bytes]) -> Result<Entry, BlobError> {
    let mut compressed = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let part: log::PagePart = blob::open(FORMAT, part)?;
        let fits = usize::try_from(part.part) == Ok(index) && usize::try_from(part.parts) == Ok(parts.len());
        if !fits {
            return Err(BlobError::Damaged);
        }
        compressed.extend_from_slice(&part.data);
    }
    let bytes = zstd::decode_all(compressed.as_slice()).map_err(|_| BlobError::Damaged)?;
    let kept = log::KeptRecord::decode(Bytes::from(bytes)).map_err(|_| BlobError::Damaged)?;
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
