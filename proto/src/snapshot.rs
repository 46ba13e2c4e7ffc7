//! Snapshots of the catalogue in cells: [parts](crate::part) of one content, and the head that says which are complete.

use crate::blob::{Blob, BlobError, open, seal};
use crate::log;
use bytes::Bytes;
use domain::table::{CATALOG_HEAD, CATALOG_PART, CellKey, KeyValue};
use domain::topic::CATALOG;

const FORMAT: u8 = 1;

/// Says which snapshot is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotHead {
    /// The offset it was taken at: every record below is in it.
    pub offset: u64,
    /// The fingerprint of its content.
    pub content: u128,
    /// The fingerprint of the value of the record before the offset: tells whose log it was.
    pub record: u128,
}

impl Blob for SnapshotHead {
    fn to_blob(&self) -> Bytes {
        let bytes = |fingerprint: u128| Bytes::copy_from_slice(&fingerprint.to_le_bytes());
        let (content, record) = (bytes(self.content), bytes(self.record));
        seal(FORMAT, &log::SnapshotHead { offset: self.offset, content, record })
    }

    fn from_blob(bytes: &[u8]) -> Result<Self, BlobError> {
        let head: log::SnapshotHead = open(FORMAT, bytes)?;
        let fingerprint = |bytes: &Bytes| -> Result<u128, BlobError> {
            Ok(u128::from_le_bytes(bytes.as_ref().try_into().map_err(|_| BlobError::Damaged)?))
        };
        let (content, record) = (fingerprint(&head.content)?, fingerprint(&head.record)?);
        Ok(Self { offset: head.offset, content, record })
    }
}

/// The one cell of the head.
pub fn head_key() -> CellKey {
    CellKey::new(&CATALOG_HEAD, vec![KeyValue::text(CATALOG)], Vec::new())
}

/// The cell of a part.
pub fn part_key(offset: u64, part: u32) -> CellKey {
    CellKey::new(&CATALOG_PART, parts_of(offset), vec![part.into()])
}

/// What the parts of a snapshot have in common.
pub fn parts_of(offset: u64) -> Vec<KeyValue> {
    vec![stamp(offset).into()]
}

/// The write timestamp of everything that a snapshot consists of.
pub fn stamp(offset: u64) -> i64 {
    i64::try_from(offset).expect("no log has 2^63 records")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sealed(content: usize, record: usize) -> Bytes {
        let (content, record) = (vec![1; content].into(), vec![2; record].into());
        seal(FORMAT, &log::SnapshotHead { offset: 9, content, record })
    }

    #[test]
    fn a_head_with_a_fingerprint_of_another_length_is_damaged() {
        assert_eq!(SnapshotHead::from_blob(&sealed(16, 16)).unwrap().offset, 9);
        for (content, record) in [(15, 16), (16, 17), (0, 16), (16, 0)] {
            assert_eq!(SnapshotHead::from_blob(&sealed(content, record)), Err(BlobError::Damaged));
        }
    }

    #[test]
    fn parts_lie_together_under_their_offset_and_the_head_under_the_topic() {
        let (one, two) = (part_key(7, 0), part_key(7, 1));
        assert_eq!((&one.partition[..], &one.clustering), (&parts_of(7)[..], &vec![KeyValue::Int(0)]));
        assert_eq!((&two.partition[..], &two.clustering), (&parts_of(7)[..], &vec![KeyValue::Int(1)]));
        assert_ne!(parts_of(7), parts_of(8));
        assert_eq!(head_key().partition[..], [KeyValue::text("catalog")]);
        assert_eq!((one.stamped_by(), stamp(7)), (None, 7), "its stamps are no positions");
    }

    proptest! {
        #[test]
        fn every_head_comes_back_and_no_damaged_one_passes(offset in any::<u64>(), content in any::<u128>(), record in any::<u128>(), bit in any::<prop::sample::Index>()) {
            let head = SnapshotHead { offset, content, record };
            let blob = head.to_blob();
            prop_assert_eq!(SnapshotHead::from_blob(&blob), Ok(head));
            let bit = bit.index(blob.len() * 8);
            let mut damaged = blob.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(SnapshotHead::from_blob(&damaged), Err(BlobError::Damaged));
        }
    }
}
