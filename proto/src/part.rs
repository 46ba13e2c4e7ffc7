//! What is larger than a cell may be, in parts that are compressed one by one.
//!
//! Where a part begins is a function of the content alone. So parts that were written by versions of the program which
//! compress differently still make up one content.

use crate::blob::{self, BlobError};
use crate::log;
use bytes::Bytes;
use std::cell::RefCell;
use zstd::bulk::Compressor;

/// The most bytes of one part, its own envelope included.
pub const PART_BYTES_MAX: usize = 48 * 1_024;

const FORMAT: u8 = 1;
/// Bytes of the content in one part: compressed they are never more than [`PART_BYTES_MAX`], whatever they are.
const PART_CONTENT_BYTES: usize = 48_000;
const COMPRESSION_LEVEL: i32 = 3;
/// Below this many bytes there is little to save, and looking for it costs ten times as much as leaving it.
const SMALL_BYTES: usize = 512;
/// A level that looks for repetitions only.
const COMPRESSION_LEVEL_SMALL: i32 = -7;

/// The cells' values of a content.
pub fn split(content: &[u8]) -> Vec<Bytes> {
    // The content that has no bytes has one part all the same.
    let chunks = content.chunks(PART_CONTENT_BYTES).chain(content.is_empty().then_some(&[][..]));
    let parts = u32::try_from(content.len().div_ceil(PART_CONTENT_BYTES).max(1));
    let parts = parts.expect("a content is far below 2^32 parts");
    let seal = |(part, chunk)| blob::seal(FORMAT, &log::Part { part, parts, data: compress(chunk) });
    (0..parts).zip(chunks).map(seal).collect()
}

/// The content of all its parts, in their order.
pub fn join(parts: &[Bytes]) -> Result<Vec<u8>, BlobError> {
    if parts.is_empty() {
        return Err(BlobError::Damaged);
    }
    let mut content = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let part: log::Part = blob::open(FORMAT, part)?;
        let fits = usize::try_from(part.part) == Ok(index) && usize::try_from(part.parts) == Ok(parts.len());
        if !fits {
            return Err(BlobError::Damaged);
        }
        // A part that says it holds more is damaged: nobody gets memory for it.
        let chunk = zstd::bulk::decompress(&part.data, PART_CONTENT_BYTES);
        content.extend_from_slice(&chunk.map_err(|_| BlobError::Damaged)?);
    }
    Ok(content)
}

thread_local! {
    /// Making a compressor costs more than compressing a small content: each thread keeps its own.
    static COMPRESSOR: RefCell<Compressor<'static>> = compressor(COMPRESSION_LEVEL);
    static COMPRESSOR_SMALL: RefCell<Compressor<'static>> = compressor(COMPRESSION_LEVEL_SMALL);
}

fn compressor(level: i32) -> RefCell<Compressor<'static>> {
    RefCell::new(Compressor::new(level).expect("the level is one that zstd has"))
}

fn compress(bytes: &[u8]) -> Bytes {
    let kept = if bytes.len() < SMALL_BYTES { &COMPRESSOR_SMALL } else { &COMPRESSOR };
    let compressed = kept.with_borrow_mut(|compressor| compressor.compress(bytes));
    compressed.expect("a buffer of the bound's size has room").into()
}
