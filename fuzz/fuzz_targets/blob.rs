//! The blobs of cells and the parts of pages: under a right checksum each is a value that comes back, or damaged.
#![no_main]

use catalog::charge::Charges;
use domain::aggregate::Row;
use domain::checkpoint::Checkpoint;
use domain::dead_letter::{DeadLetter, DeadLetterState};
use domain::ledger::Block;
use domain::time::Timestamp;
use libfuzzer_sys::fuzz_target;
use proto::blob::{Blob, IdempotentRequest, NextOffset};
use proto::page;
use proto::snapshot::SnapshotHead;
use std::fmt::Debug;

fuzz_target!(|data: &[u8]| {
    let Some((kind, body)) = data.split_first() else { return };
    let mut sealed = body.to_vec();
    sealed.extend(crc32fast::hash(body).to_le_bytes());
    match kind % 11 {
        0 => comes_back::<Row>(&sealed),
        1 => comes_back::<Block>(&sealed),
        2 => comes_back::<Checkpoint>(&sealed),
        3 => comes_back::<DeadLetter>(&sealed),
        4 => comes_back::<DeadLetterState>(&sealed),
        5 => comes_back::<NextOffset>(&sealed),
        6 => comes_back::<Timestamp>(&sealed),
        7 => comes_back::<Charges>(&sealed),
        8 => comes_back::<SnapshotHead>(&sealed),
        9 => comes_back::<IdempotentRequest>(&sealed),
        _ => {
            if let Ok(entry) = page::join(7, &[sealed.into()]) {
                assert_eq!(page::join(7, &page::split(&entry)), Ok(entry));
            }
        }
    }
});

fn comes_back<T: Blob + Debug + PartialEq>(sealed: &[u8]) {
    if let Ok(value) = T::from_blob(sealed) {
        assert_eq!(T::from_blob(&value.to_blob()), Ok(value));
    }
}
