//! Blocks of the ledger in cells: about 26 bytes an id.

use super::{Blob, BlobError, open, seal};
use crate::log;
use bytes::Bytes;
use domain::ledger::{Block, Seen};
use domain::position::Position;

const FORMAT: u8 = 1;

impl Blob for Block {
    fn to_blob(&self) -> Bytes {
        let mut before = 0;
        let step = |seen: &Seen| {
            let position = seen.position.raw();
            let step = position.wrapping_sub(std::mem::replace(&mut before, position));
            u64::try_from(step).expect("the ids of a block rise by position")
        };
        let cell = log::LedgerBlock {
            positions: self.0.iter().map(step).collect(),
            identities: self.0.iter().flat_map(|seen| seen.identity.to_le_bytes()).collect(),
            contents: self.0.iter().flat_map(|seen| seen.content.to_le_bytes()).collect(),
        };
        seal(FORMAT, &cell)
    }

    fn from_blob(bytes: &[u8]) -> Result<Self, BlobError> {
        read(&open(FORMAT, bytes)?).ok_or(BlobError::Damaged)
    }
}

fn read(cell: &log::LedgerBlock) -> Option<Block> {
    let (identities, identities_rest) = cell.identities.as_chunks::<16>();
    let (contents, contents_rest) = cell.contents.as_chunks::<8>();
    let len = cell.positions.len();
    let fits = identities_rest.is_empty()
        && contents_rest.is_empty()
        && identities.len() == len
        && contents.len() == len;
    if !fits {
        return None;
    }
    let mut position = 0_i64;
    let mut seen = Vec::with_capacity(len);
    for ((step, identity), content) in cell.positions.iter().zip(identities).zip(contents) {
        position = position.checked_add_unsigned(*step)?;
        seen.push(Seen {
            position: Position::from_raw(position),
            identity: u128::from_le_bytes(*identity),
            content: u64::from_le_bytes(*content),
        });
    }
    Some(Block(seen))
}
