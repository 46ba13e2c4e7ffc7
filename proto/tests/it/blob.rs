//! Values of cells. The golden bytes were computed apart, by a protobuf writer of thirty lines of Python.

use crate::sample::{any_refused, any_row, block, checkpoint, dead_letter, dead_letter_state, quantity, row};
use domain::aggregate::Row;
use domain::calendar::Period;
use domain::checkpoint::{Checkpoint, Closing, Closings, Totals};
use domain::dead_letter::{DeadLetter, DeadLetterId, DeadLetterState, PayloadKind};
use domain::ledger::{Block, Seen};
use domain::position::Position;
use domain::time::Timestamp;
use proptest::prelude::*;
use proto::blob::{Blob, BlobError, NextOffset, open, seal};
use proto::log;
use std::fmt::Debug;

#[track_caller]
fn is_golden<T: Blob + PartialEq + Debug>(value: &T, golden: &str) {
    let blob = value.to_blob();
    assert_eq!(format!("{blob:x}"), golden);
    assert_eq!(T::from_blob(&blob).as_ref(), Ok(value));
    for bit in 0..blob.len() * 8 {
        let mut damaged = blob.to_vec();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(T::from_blob(&damaged), Err(BlobError::Damaged), "bit {bit}");
    }
    assert_eq!(T::from_blob(&blob[..blob.len() - 1]), Err(BlobError::Damaged));
}

/// Format 1; 08 8106: position 3 × 256 + 1; four quarters (12), of which the second has the sum 10^12 in six bytes, the
/// count 2, −5 × 10^11 and 15 × 10^11; 1a 04: ranges of gap 1, length 1, gap 1, length 1; CRC.
#[test]
fn golden_aggregate_row() {
    is_golden(
        &row(),
        "01088106120012190a060010a5d4e80010021a050078ad958b22060098f73e5d01120012001a0401010101d62df031",
    );
}

/// 0a 03 8102 2b: position 257, then 43 more; two identities of 16 bytes; two contents of 8.
#[test]
fn golden_ledger_block() {
    let identities = "01000000000000000000000000000000ffffffffffffffffffffffffffffffff";
    is_golden(&block(), &format!("010a0381022b1220{identities}1a100200000000000000ffffffffffffffffa07da59f"));
}

/// 08 05: next; 10 02: incarnation; 1a 10: fingerprint 3; 21: arrival 1 ns; the last 12 bytes: totals and CRC.
#[test]
fn golden_checkpoint() {
    let start = "01080510021a1003000000000000000000000000000000210100000000000000280630073a14";
    let closing = "0a035554431207323032362d3031180920012804";
    is_golden(&checkpoint(), &format!("{start}{closing}420808031001180140015ad15c11"));
}

/// 0a 12: the outward id; 10 03: `UNKNOWN_SKU`; 2a 02 0802: two seconds past 1970; 30 01: a pulse.
#[test]
fn golden_dead_letter() {
    let texts = "0a1232303236303133312d312d332d313238303110031a03736b75220e736b7520697320756e6b6e6f776e";
    is_golden(&dead_letter(), &format!("01{texts}2a02080230013a0570756c73657befda6f"));
}

/// 10 01: replayed; 18 02: two attempts; 22 02 0803: three seconds past 1970; 2a: the identity.
#[test]
fn golden_dead_letter_state() {
    is_golden(&dead_letter_state(), "0108810210011802220208032a100a0461636d651201731a0161220208019f2cb2b8");
}

/// 09: a fixed 64-bit number.
#[test]
fn golden_watermark() {
    is_golden(&Timestamp::from_nanos(1), "010901000000000000008db5416c");
}

/// 08 ac02: 300 as a varint.
#[test]
fn golden_next_offset() {
    is_golden(&NextOffset(300), "0108ac02087b577b");
}

#[test]
fn what_says_nothing_comes_back_too() {
    assert_eq!(Row::from_blob(&Row::default().to_blob()), Ok(Row::default()));
    assert_eq!(Block::from_blob(&Block::default().to_blob()), Ok(Block::default()));
    assert_eq!(Checkpoint::from_blob(&Checkpoint::default().to_blob()), Ok(Checkpoint::default()));
    assert_eq!(
        DeadLetterState::from_blob(&DeadLetterState::default().to_blob()),
        Ok(DeadLetterState::default())
    );
    let foreign = DeadLetter { kind: PayloadKind::Foreign, ..dead_letter() };
    assert_eq!(DeadLetter::from_blob(&foreign.to_blob()), Ok(foreign));
}

#[test]
fn a_newer_format_is_named() {
    let newer = seal(2, &log::NextOffset { offset: 1 });
    assert_eq!(NextOffset::from_blob(&newer), Err(BlobError::NewerFormat(2)));
    assert_eq!(open::<log::NextOffset>(2, &newer), Ok(log::NextOffset { offset: 1 }));
    assert_eq!(open::<log::NextOffset>(1, &[]), Err(BlobError::Damaged));
}

#[test]
fn contents_that_break_a_rule_are_damage() {
    let quarters = vec![log::QuarterCell::default(); 4];
    let cell = log::AggregateCell { position: 1, quarters: quarters.clone(), ranges: vec![1, 1] };
    let row = |cell: &log::AggregateCell| Row::from_blob(&seal(1, cell));
    assert!(row(&cell).is_ok());
    assert_eq!(row(&log::AggregateCell { ranges: vec![1], ..cell.clone() }), Err(BlobError::Damaged));
    assert_eq!(
        row(&log::AggregateCell { ranges: vec![1, u64::MAX], ..cell.clone() }),
        Err(BlobError::Damaged)
    );
    assert_eq!(
        row(&log::AggregateCell { quarters: quarters[1..].to_vec(), ..cell.clone() }),
        Err(BlobError::Damaged)
    );
    let wide = log::QuarterCell { sum: vec![1; 33].into(), ..log::QuarterCell::default() };
    assert_eq!(
        row(&log::AggregateCell { quarters: [vec![wide], quarters[1..].to_vec()].concat(), ..cell }),
        Err(BlobError::Damaged)
    );
    let block =
        log::LedgerBlock { positions: vec![1], identities: vec![0; 16].into(), contents: vec![0; 7].into() };
    assert_eq!(Block::from_blob(&seal(1, &block)), Err(BlobError::Damaged));
    let letter = log::DeadLetter { id: "20260131-1-3-12801".into(), reason: 3, ..log::DeadLetter::default() };
    assert_eq!(DeadLetter::from_blob(&seal(1, &letter)), Err(BlobError::Damaged));
}

#[test]
fn a_full_block_takes_less_than_twenty_eight_bytes_an_id() {
    let seen = |index: u64| Seen {
        position: Position::new(1_000_000 + index, 0),
        identity: u128::from(index) << 64,
        content: index,
    };
    let blob = Block((0..1_024).map(seen).collect()).to_blob();
    assert!(blob.len() < 1_024 * 28, "{} bytes", blob.len());
}

proptest! {
    #[test]
    fn every_row_comes_back(row in any_row()) {
        prop_assert_eq!(Row::from_blob(&row.to_blob()), Ok(row));
    }

    #[test]
    fn every_checkpoint_comes_back(
        numbers in any::<(u64, u32, u128, i64, i64, u32)>(),
        months in prop::collection::btree_map(("[A-Z][a-z]{1,8}", 1_i16..9999, 1_i8..13), any::<(u64, bool, u64)>(), 0..5),
        books in any::<[u64; 8]>(),
    ) {
        let (next, incarnation, fingerprint, arrival, block, block_fill) = numbers;
        let [read, applied, duplicate, conflict, refused, foreign, too_late, control] = books;
        let closing = |((calendar, year, month), (number, closed, offset)): ((String, i16, i8), _)| {
            let period = Period::new(year.min(9998), month).unwrap();
            ((calendar.into(), period), Closing { number, closed, offset })
        };
        let checkpoint = Checkpoint {
            next,
            incarnation,
            fingerprint,
            arrival: Timestamp::from_nanos(arrival),
            block,
            block_fill,
            closings: Closings(months.into_iter().map(closing).collect()),
            totals: Totals { read, applied, duplicate, conflict, refused, foreign, too_late, control },
        };
        prop_assert_eq!(Checkpoint::from_blob(&checkpoint.to_blob()), Ok(checkpoint));
    }

    #[test]
    fn every_dead_letter_comes_back(
        place in (-100_000_i64..100_000, any::<u32>(), any::<u32>(), 0..i64::MAX),
        refused in any_refused(),
        seconds in -9_000_000_000_i64..9_000_000_000,
        foreign in any::<bool>(),
    ) {
        let (day, generation, partition, position) = place;
        let letter = DeadLetter {
            id: DeadLetterId { day, generation, partition, position: Position::from_raw(position) },
            reason: refused.reason,
            field: refused.field,
            message: refused.message,
            received_time: Timestamp::from_seconds(seconds),
            kind: if foreign { PayloadKind::Foreign } else { PayloadKind::Pulse },
            payload: refused.payload,
        };
        prop_assert_eq!(DeadLetter::from_blob(&letter.to_blob()), Ok(letter));
    }

    #[test]
    fn every_block_comes_back(parts in prop::collection::btree_map(0..i64::MAX, any::<(u128, u64)>(), 0..40)) {
        let seen = |(position, (identity, content))| Seen { position: Position::from_raw(position), identity, content };
        let block = Block(parts.into_iter().map(seen).collect());
        prop_assert_eq!(Block::from_blob(&block.to_blob()), Ok(block));
    }

    #[test]
    fn no_message_panics(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let mut blob = vec![1];
        blob.extend_from_slice(&bytes);
        blob.extend_from_slice(&crc32fast::hash(&blob).to_le_bytes());
        let _ = (Row::from_blob(&blob), Block::from_blob(&blob), Checkpoint::from_blob(&blob));
        let _ = (DeadLetter::from_blob(&blob), DeadLetterState::from_blob(&blob), Timestamp::from_blob(&blob));
        let _ = (Row::from_blob(&bytes), NextOffset::from_blob(&bytes));
    }
}

#[test]
fn a_row_of_the_usual_size_stays_small() {
    let mut row = Row::default();
    let quarter = domain::time::Quarter(4);
    assert!(row.apply(Position::new(1_000_000, 3), quarter, quantity("374")));
    assert!(row.to_blob().len() < 64);
}
