//! Records kept in cells.

use crate::sample::{entry, envelope, raw, stamped};
use bytes::Bytes;
use domain::port::Entry;
use domain::table::KeyValue;
use domain::time::Timestamp;
use proptest::prelude::*;
use proto::blob::{BlobError, open, seal};
use proto::log::Part;
use proto::page::{OFFSETS_PER_PAGE, join, page_key, split};
use proto::part::PART_BYTES_MAX;
use proto::record::{pack, to_log, unpack};

/// Bytes that no compressor shortens: a xorshift of 64 bits.
fn noise(len: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let byte = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..len).map(byte).collect()
}

#[test]
fn a_record_comes_back_whole_with_time_and_headers() {
    let record = entry(to_log(pack(&envelope(), &[stamped(&raw())], &[])));
    let parts = split(&record);
    assert_eq!(parts.len(), 1);
    assert_eq!(join(record.offset, &parts), Ok(record.clone()));
    assert!(unpack(&join(record.offset, &parts).unwrap()).is_ok());
}

#[test]
fn a_large_record_lies_in_parts_within_the_bound() {
    let record = Entry { value: noise(512 * 1_024), ..entry(to_log(Bytes::new())) };
    let parts = split(&record);
    // 524,288 bytes and a little more, 48,000 a part.
    assert_eq!(parts.len(), 11);
    assert!(parts.iter().all(|part| part.len() <= PART_BYTES_MAX));
    assert_eq!(join(record.offset, &parts), Ok(record));
}

/// Two versions of the compressor write two byte strings for one content; a replay may leave parts of both.
#[test]
fn parts_of_differing_compressors_make_up_one_record() {
    let text: String = (10_000..34_000).map(|number: u32| number.to_string()).collect();
    let record = Entry { value: text.into(), ..entry(to_log(Bytes::new())) };
    let other = |part: &Bytes| {
        let read: Part = open(1, part).unwrap();
        let content = zstd::bulk::decompress(&read.data, 48_000).unwrap();
        let data: Bytes = zstd::bulk::compress(&content, 19).unwrap().into();
        seal(1, &Part { data, ..read })
    };
    let ours = split(&record);
    let theirs: Vec<Bytes> = ours.iter().map(other).collect();
    assert!(ours != theirs, "they compress differently");
    let mixed = [ours[0].clone(), theirs[1].clone(), theirs[2].clone()];
    assert_eq!(join(record.offset, &mixed), Ok(record));
}

#[test]
fn an_entry_without_a_byte_has_a_part_too() {
    let nothing = Entry { offset: 7, timestamp: Timestamp::EPOCH, headers: Vec::new(), value: Bytes::new() };
    let parts = split(&nothing);
    assert_eq!(parts.len(), 1);
    assert_eq!(join(7, &parts), Ok(nothing));
    assert_eq!(join(7, &[]), Err(BlobError::Damaged));
}

#[test]
fn a_part_that_swells_beyond_its_bound_is_damage() {
    let bomb = zstd::bulk::compress(&vec![0; 48_001], 3).unwrap();
    let part = |data: Vec<u8>| seal(1, &Part { part: 0, parts: 1, data: data.into() });
    assert!(part(bomb.clone()).len() < 100);
    assert_eq!(join(0, &[part(bomb)]), Err(BlobError::Damaged));
    assert_eq!(join(0, &[part(b"no zstd".to_vec())]), Err(BlobError::Damaged));
}

#[test]
fn a_part_that_cannot_be_shortened_stays_within_the_bound() {
    for len in [47_000, 47_999, 48_000, 96_000, 480_000] {
        let parts = split(&Entry { value: noise(len), ..entry(to_log(Bytes::new())) });
        let longest = parts.iter().map(Bytes::len).max().unwrap();
        assert!(longest <= PART_BYTES_MAX, "{len} bytes make a part of {longest}");
    }
}

#[test]
fn parts_that_are_missing_doubled_or_swapped_are_damage() {
    let parts = split(&Entry { value: noise(120_000), ..entry(to_log(Bytes::new())) });
    let [first, second, third] = parts.as_slice() else { panic!("{} parts", parts.len()) };
    let wrong: [&[&Bytes]; 5] =
        [&[], &[first, second], &[first, third, second], &[first, first, second, third], &[second, third]];
    for parts in wrong {
        let parts: Vec<Bytes> = parts.iter().copied().cloned().collect();
        assert_eq!(join(0, &parts), Err(BlobError::Damaged));
    }
}

#[test]
fn keys_place_an_offset_in_its_page() {
    let key = page_key(1, 3, 2 * OFFSETS_PER_PAGE + 5, 4);
    assert_eq!(key.partition[..], [KeyValue::Int(1), KeyValue::Int(3), KeyValue::Int(2)]);
    assert_eq!(key.clustering, [KeyValue::Int(2_053), KeyValue::Int(4)]);
    assert_eq!(key.stamped_by(), Some((1, 3)));
}

proptest! {
    #[test]
    fn foreign_records_come_back_too(value in prop::collection::vec(any::<u8>(), 0..300)) {
        let record = Entry { headers: Vec::new(), value: value.into(), ..entry(to_log(Bytes::new())) };
        prop_assert_eq!(join(record.offset, &split(&record)), Ok(record));
    }

    #[test]
    fn no_part_panics(part in prop::collection::vec(any::<u8>(), 0..100)) {
        prop_assert!(join(0, &[part.into()]).is_err());
    }
}
