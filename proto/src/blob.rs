//! Values of cells: a format version, a message, and the CRC-32 of both.

mod aggregate;
mod checkpoint;
mod dead_letter;
mod idempotency;
mod ledger;
mod number;

pub use checkpoint::NextOffset;
pub(crate) use dead_letter::to_wire as dead_letter_to_wire;
pub use idempotency::{IdempotentRequest, KeptAnswer};

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;

const CRC_BYTES: usize = 4;

/// A value that a cell can hold.
pub trait Blob: Sized {
    /// The bytes of the cell; equal values have equal bytes.
    fn to_blob(&self) -> Bytes;

    /// The value of those bytes.
    fn from_blob(bytes: &[u8]) -> Result<Self, BlobError>;
}

/// Why the bytes of a cell are no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// They were written by a build that knows more.
    #[error("the cell has format {0}, which this build does not read: upgrade it")]
    NewerFormat(u8),
    /// They are not what was written.
    #[error("the cell is damaged: its checksum or its contents do not fit")]
    Damaged,
}

/// The bytes of a cell that holds that message in that format.
pub fn seal(format: u8, message: &impl Message) -> Bytes {
    let mut bytes = BytesMut::with_capacity(1 + message.encoded_len() + CRC_BYTES);
    bytes.put_u8(format);
    message.encode(&mut bytes).expect("a growing buffer has room");
    bytes.put_u32_le(crc32fast::hash(&bytes));
    bytes.freeze()
}

/// The message in the bytes of a cell, if they are whole and of that format.
pub fn open<M: Message + Default>(format: u8, bytes: &[u8]) -> Result<M, BlobError> {
    M::decode(unseal(format, bytes)?).map_err(|_| BlobError::Damaged)
}

/// The bytes of that message, not decoded yet.
fn unseal(format: u8, bytes: &[u8]) -> Result<&[u8], BlobError> {
    let (body, crc) = bytes.split_last_chunk::<CRC_BYTES>().ok_or(BlobError::Damaged)?;
    if crc32fast::hash(body) != u32::from_le_bytes(*crc) {
        return Err(BlobError::Damaged);
    }
    match body.split_first() {
        Some((written, message)) if *written == format => Ok(message),
        Some((written, _)) => Err(BlobError::NewerFormat(*written)),
        None => Err(BlobError::Damaged),
    }
}
