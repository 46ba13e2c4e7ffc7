//! Hot ids in bounded memory: what the store is asked about ids, when, and that no bound changes what is counted.

use crate::bench::{Bench, NOW, pulse, pulse_at};
use domain::pulse::StampedPulse;
use domain::table::{AGGREGATE, CHECKPOINT, Cell, DEAD_LETTER, LEDGER, PAGE};
use ingestor_consumer::alarm::Alarm;
use ingestor_consumer::core::{Call, CallId, Input, Limits, Load, Stop};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Blocks of two ids.
fn limits() -> Limits {
    Limits { block_ids: 2, ..Limits::default() }
}

/// "a" and "b" fill a block that is durable and was let go; "c" is in the next one.
fn let_go() -> Bench {
    let mut bench = Bench::with_limits(limits());
    bench.append(&[pulse("a"), pulse("b")]);
    bench.append(&[pulse("c")]);
    bench.count().unwrap();
    bench
}

fn block_loads(bench: &Bench) -> Vec<CallId> {
    let is_block = |call: &Call| matches!(call, Call::Load(Load::Block(..)));
    bench.calls.iter().filter(|(_, call)| is_block(call)).map(|(id, _)| *id).collect()
}

/// Reads what was appended and answers nothing: how many blocks that asks for, and how many other cells.
fn asks(bench: &mut Bench, pulses: &[StampedPulse]) -> (usize, usize) {
    bench.append(pulses);
    bench.feed().unwrap();
    let blocks = block_loads(bench).len();
    (blocks, bench.calls.len() - blocks)
}

#[test]
fn an_id_of_a_block_that_was_let_go_costs_one_read_and_a_new_one_none() {
    let mut bench = let_go();
    assert_eq!(asks(&mut bench, &[pulse("c")]), (0, 0), "its block is held");
    let mut other = pulse("b");
    other.pulse.quantity = domain::quantity::Quantity::parse("9").unwrap();
    assert_eq!(asks(&mut bench, &[pulse("a"), pulse("a"), other]), (2, 0), "two ids in two slices");
    bench.answer_all().unwrap();
    bench.hand(Input::Tick).unwrap();
    bench.answer_all().unwrap();
    let totals = bench.checkpoint().unwrap().totals;
    assert_eq!((totals.applied, totals.duplicate, totals.conflict), (3, 3, 1));
}

#[test]
fn a_block_is_not_asked_for_before_the_store_has_it() {
    let mut bench = Bench::with_limits(limits());
    bench.append(&[pulse("a"), pulse("b")]);
    bench.append(&[pulse("c")]);
    bench.feed().unwrap();
    bench.answer_all().unwrap();
    assert_eq!(asks(&mut bench, &[pulse("a")]), (0, 0), "nothing was flushed");
    bench.hand(Input::Tick).unwrap();
    while let Some((id, call)) = bench.calls.pop_front() {
        assert_eq!(block_loads(&bench).len(), 0);
        let late = bench.owner.durable_offset() == Some(0) && matches!(call, Call::Checkpoint(_));
        let answer = bench.perform(id, &call);
        if late {
            bench.append(&[pulse("b")]);
            bench.feed().unwrap();
            assert_eq!(block_loads(&bench).len(), 0, "written and published, and not checkpointed");
        }
        bench.hand(answer).unwrap();
    }
    assert_eq!(asks(&mut bench, &[pulse("a"), pulse("b")]).0, 2);
    bench.answer_all().unwrap();
    bench.hand(Input::Tick).unwrap();
    bench.answer_all().unwrap();
    let totals = bench.checkpoint().unwrap().totals;
    assert_eq!((totals.applied, totals.duplicate), (3, 4));
}

/// The batch looked at its ids before the flush ended: the block they are in must be there until they are counted.
#[test]
fn a_flush_that_ends_while_a_batch_waits_takes_no_block_from_it() {
    let mut bench = Bench::with_limits(limits());
    bench.append(&[pulse("a"), pulse("b")]);
    bench.append(&[pulse("c")]);
    bench.feed().unwrap();
    bench.answer_all().unwrap();
    bench.hand(Input::Tick).unwrap();
    let later = pulse_at("z", NOW.plus_seconds(60));
    bench.append(&[pulse("a"), later]);
    bench.feed().unwrap();
    let is_load = |call: &Call| matches!(call, Call::Load(_));
    let (loads, flush): (Vec<_>, Vec<_>) = bench.calls.drain(..).partition(|(_, call)| is_load(call));
    assert_eq!((loads.len(), block_loads(&bench).len()), (2, 0), "a row and a slice");
    bench.calls.extend(flush);
    bench.answer_all().unwrap();
    assert_eq!(bench.owner.durable_offset(), Some(2));
    bench.calls.extend(loads);
    bench.answer_all().unwrap();
    bench.hand(Input::Tick).unwrap();
    bench.answer_all().unwrap();
    let totals = bench.checkpoint().unwrap().totals;
    assert_eq!((totals.applied, totals.duplicate), (4, 1));
}

#[test]
fn a_read_of_a_block_that_fails_is_made_again() {
    let mut bench = let_go();
    assert_eq!(asks(&mut bench, &[pulse("a")]), (1, 0));
    let (id, _) = bench.take_call();
    bench.hand(Input::Unknown(id)).unwrap();
    assert_eq!(block_loads(&bench), [id]);
    assert!(!bench.owner.wants_records());
    bench.answer_all().unwrap();
    assert!(bench.owner.wants_records());
}

#[test]
fn a_block_that_was_written_and_is_gone_stops_the_partition() {
    let mut bench = let_go();
    asks(&mut bench, &[pulse("a")]);
    let (id, _) = bench.take_call();
    let stop = bench.hand(Input::Loaded(id, Vec::new())).unwrap_err();
    assert!(matches!(&stop, Stop::Alarm(Alarm::DamagedCell { .. })), "{stop}");
    assert!(stop.to_string().contains("block 0 of the ledger"), "{stop}");
}

#[test]
fn blocks_that_were_let_go_leave_only_their_fingerprints() {
    let mut bench = Bench::with_limits(Limits { block_ids: 1_024, ..Limits::default() });
    for record in 0..40 {
        let pulses: Vec<_> = (0..256).map(|index| pulse(&format!("{record}-{index}"))).collect();
        bench.append(&pulses);
    }
    bench.feed().unwrap();
    bench.answer_all().unwrap();
    let exact = bench.owner.memory();
    bench.hand(Input::Tick).unwrap();
    bench.answer_all().unwrap();
    bench.append(&[pulse("last")]);
    bench.count().unwrap();
    let held = bench.owner.memory();
    assert_eq!((exact.ids, held.ids, held.id_sets), (10_240, 10_241, 16));
    assert!(exact.id_bytes > 38 * exact.ids, "a whole id is 32 bytes, and its fingerprint comes on top");
    // The last block is only part-filled, and held by each set it has an id of.
    assert!(held.id_bytes < 11 * held.ids, "{}", held.id_bytes);
}

/// What is told of a run: how many were counted, how many not, and all cells that follow from the log alone.
fn run(records: &[Vec<(u8, u8, bool)>], limits: Limits, bounds: &[usize]) -> ([u64; 3], Vec<Cell>) {
    let mut bench = Bench::with_limits(limits);
    for (record, bound) in records.iter().zip(bounds.iter().cycle()) {
        let pulses: Vec<StampedPulse> = record.iter().map(|one| made(*one)).collect();
        bench.append(&pulses);
        bench.owner.allow_id_bytes(*bound);
        bench.hand(Input::Tick).unwrap();
        bench.answer_all().unwrap();
        if bench.owner.wants_records() && bound % 3 != 0 {
            bench.feed().unwrap();
        }
    }
    bench.answer_all().unwrap();
    bench.count().unwrap();
    let totals = bench.checkpoint().unwrap().totals;
    let tables = [&AGGREGATE, &LEDGER, &DEAD_LETTER, &PAGE, &CHECKPOINT];
    let cells = tables.iter().flat_map(|table| bench.cells(table)).collect();
    ([totals.applied, totals.duplicate, totals.conflict], cells)
}

fn made((id, minute, is_other): (u8, u8, bool)) -> StampedPulse {
    let mut made = pulse_at(&id.to_string(), NOW.plus_seconds(-60 * i64::from(minute)));
    if is_other {
        made.pulse.quantity = domain::quantity::Quantity::parse("2").unwrap();
    }
    made
}

/// The first content of an identity counts, the same again is a duplicate, another one is a conflict.
fn expected(records: &[Vec<(u8, u8, bool)>]) -> [u64; 3] {
    let mut first = BTreeMap::new();
    let mut counts = [0; 3];
    for (id, minute, is_other) in records.iter().flatten() {
        let known = first.insert((id, minute), is_other);
        counts[known.map_or(0, |known| if known == is_other { 1 } else { 2 })] += 1;
        first.insert((id, minute), known.unwrap_or(is_other));
    }
    counts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever ids may take, and however it changes; however long fingerprints are: the same is counted and stored.
    #[test]
    fn no_bound_changes_what_is_counted(
        records in vec(vec((0_u8..12, 0_u8..6, any::<bool>()), 1..6), 1..40),
        bounds in vec(prop_oneof![0_usize..3_000, 3_000_usize..30_000], 1..10),
        print_bits in prop_oneof![Just(1_u32), Just(4), Just(32), Just(46)],
    ) {
        let (counts, cells) = run(&records, limits(), &[usize::MAX]);
        prop_assert_eq!(counts, expected(&records));
        let tight = run(&records, Limits { print_bits, ..limits() }, &bounds);
        prop_assert_eq!(tight, (counts, cells));
    }
}

#[test]
fn reads_are_told_by_what_is_read() {
    let mut bench = let_go();
    asks(&mut bench, &[pulse("a"), pulse_at("z", NOW.plus_seconds(60))]);
    let names: BTreeSet<&str> = bench
        .calls
        .iter()
        .map(|(_, call)| match call {
            Call::Load(load) => load.name(),
            call => call.name(),
        })
        .collect();
    assert_eq!(names, BTreeSet::from(["block", "row", "slice"]));
}
