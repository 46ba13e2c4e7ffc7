//! Records of the log kept in cells beyond the log's own retention: whole, in parts that are compressed one by one.
//!
//! Where a part begins is a function of the record alone. So parts that were written by versions of the program which
//! compress differently still make up one record.

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
/// Bytes of the record in one part: compressed they are never more than [`PART_BYTES_MAX`], whatever they are.
const PART_CONTENT_BYTES: usize = 48_000;
const COMPRESSION_LEVEL: i32 = 3;

/// The cells' values of a whole entry: time, headers and value.
pub fn split(entry: &Entry) -> Vec<Bytes> {
    let kept = log::KeptRecord {
        timestamp_nanos: entry.timestamp.nanos(),
        headers: entry.headers.iter().map(write_header).collect(),
        value: entry.value.clone(),
    };
    let content = kept.encode_to_vec();
    // The entry that has no bytes has one part all the same.
    let chunks = content.chunks(PART_CONTENT_BYTES).chain(content.is_empty().then_some(&[][..]));
    let parts = u32::try_from(content.len().div_ceil(PART_CONTENT_BYTES).max(1));
    let parts = parts.expect("a record is far below 2^32 parts");
    let seal = |(part, chunk)| blob::seal(FORMAT, &log::PagePart { part, parts, data: compress(chunk) });
    (0..parts).zip(chunks).map(seal).collect()
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
    if parts.is_empty() {
        return Err(BlobError::Damaged);
    }
    let mut content = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let part: log::PagePart = blob::open(FORMAT, part)?;
        let fits = usize::try_from(part.part) == Ok(index) && usize::try_from(part.parts) == Ok(parts.len());
        if !fits {
            return Err(BlobError::Damaged);
        }
        // A part that says it holds more is damaged: nobody gets memory for it.
        let chunk = zstd::bulk::decompress(&part.data, PART_CONTENT_BYTES);
        content.extend_from_slice(&chunk.map_err(|_| BlobError::Damaged)?);
    }
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
