//! What stops a partition until somebody acts. Nothing is skipped, nothing is counted twice, and what came before is
//! durable.

use crate::bench::{Bench, NOW, envelope, pulse};
use domain::generation::Incarnation;
use domain::port::Watermarks;
use domain::table::{AGGREGATE, LEDGER};
use ingestor_consumer::alarm::Alarm;
use ingestor_consumer::core::{Facts, Input, Stop};
use proto::record::{Envelope, pack};

const DAY: i64 = 86_400;

/// Two records counted, and the owner ready for what comes.
fn counted() -> Bench {
    let mut bench = Bench::new();
    bench.append(&[pulse("a"), pulse("b")]);
    bench.append(&[pulse("c")]);
    bench.count().unwrap();
    assert_eq!((bench.counted(), bench.checkpoint().unwrap().next), (3, 2));
    bench
}

/// The alarm that an assignment to these facts ends with.
fn alarm_of(change: impl FnOnce(&mut Facts)) -> Alarm {
    let mut bench = counted();
    let mut facts = bench.facts();
    change(&mut facts);
    let Err(Stop::Alarm(alarm)) = bench.assign(facts) else { panic!("the facts were taken for good") };
    assert!(!bench.owner.wants_records() && bench.owner.next_offset().is_none());
    alarm
}

#[test]
fn a_record_of_a_newer_format_stops_the_partition_after_all_before_it_is_durable() {
    let mut bench = Bench::new();
    bench.append(&[pulse("a")]);
    bench.append(&[pulse("b")]);
    bench.append_format("2");
    bench.append(&[pulse("c")]);
    let stop = bench.feed().and_then(|()| bench.answer_all()).unwrap_err();
    assert_eq!(stop, Stop::Alarm(Alarm::NewerFormat { offset: 2, what: "format 2".to_owned() }));
    assert_eq!((bench.counted(), bench.checkpoint().unwrap().next), (2, 2));
    assert!(bench.letters().is_empty(), "it may hold acknowledged pulses");
    let facts = bench.facts();
    bench.assign(facts).unwrap();
    assert!(matches!(bench.feed(), Err(Stop::Alarm(Alarm::NewerFormat { offset: 2, .. }))));
}

#[test]
fn a_damaged_record_stops_the_partition_after_all_before_it_is_durable() {
    let mut bench = Bench::new();
    bench.append(&[pulse("a")]);
    let mut value = pack(&envelope(), &[pulse("b")], &[]).to_vec();
    value[10] ^= 1;
    bench.append_ours(value.into());
    let stop = bench.feed().and_then(|()| bench.answer_all()).unwrap_err();
    assert_eq!(stop, Stop::Alarm(Alarm::DamagedRecord { offset: 1 }));
    assert_eq!((bench.counted(), bench.checkpoint().unwrap().next), (1, 1));
}

#[test]
fn a_record_of_another_generation_or_incarnation_stops_the_partition() {
    for (generation, incarnation) in [(2, 1), (1, 2)] {
        let mut bench = Bench::new();
        let stranger = Envelope { generation, incarnation, ..envelope() };
        bench.append_ours(pack(&stranger, &[pulse("a")], &[]));
        assert!(matches!(bench.feed(), Err(Stop::Alarm(Alarm::IncarnationMismatch { .. }))));
    }
}

#[test]
fn a_log_that_loses_what_was_read_stops_its_owner_after_all_of_it_is_durable() {
    let mut bench = counted();
    bench.append(&[pulse("d")]);
    bench.feed().unwrap();
    bench.answer_all().unwrap();
    assert_eq!(bench.checkpoint().unwrap().next, 2, "the third is not flushed yet");
    // The end was asked for after two had been read; that a third came since then is no loss.
    bench.hand(Input::Probe { next: 2, clock: NOW, high: 2 }).unwrap();
    let cut = bench.hand(Input::Probe { next: 3, clock: NOW, high: 2 });
    let stop = cut.and_then(|()| bench.answer_all()).unwrap_err();
    assert_eq!(stop, Stop::Alarm(Alarm::LogTooShort { next: 3, high: 2 }));
    assert_eq!((bench.counted(), bench.checkpoint().unwrap().next), (4, 3));
    let facts = Facts { watermarks: Watermarks { low: 0, high: 2 }, ..bench.facts() };
    assert!(matches!(bench.assign(facts), Err(Stop::Alarm(Alarm::LogTooShort { next: 3, high: 2 }))));
}

#[test]
fn a_log_that_ends_below_the_checkpoint_is_too_short() {
    let alarm = alarm_of(|facts| {
        facts.watermarks = Watermarks { low: 0, high: 1 };
        facts.previous = None;
    });
    assert_eq!(alarm, Alarm::LogTooShort { next: 2, high: 1 });
}

#[test]
fn a_log_that_begins_above_the_checkpoint_was_trimmed_too_early() {
    let alarm = alarm_of(|facts| {
        facts.watermarks = Watermarks { low: 3, high: 9 };
        facts.previous = None;
    });
    assert_eq!(alarm, Alarm::RetentionPassed { next: 2, low: 3 });
}

#[test]
fn a_record_before_the_checkpoint_that_is_another_one_is_a_mismatch() {
    let alarm = alarm_of(|facts| {
        facts.previous.as_mut().unwrap().value = pack(&envelope(), &[pulse("other")], &[]);
    });
    assert_eq!(alarm, Alarm::FingerprintMismatch { offset: 1 });
    assert_eq!(alarm_of(|facts| facts.previous = None), Alarm::FingerprintMismatch { offset: 1 });
}

#[test]
fn a_log_made_anew_without_a_new_incarnation_is_not_ours() {
    let alarm = alarm_of(|facts| {
        facts.incarnation.log_id = "another log".into();
        facts.watermarks = Watermarks { low: 0, high: 0 };
        facts.previous = None;
    });
    assert!(matches!(alarm, Alarm::IncarnationMismatch { .. }), "{alarm}");
}

#[test]
fn a_new_incarnation_begins_exactly_at_the_drained_checkpoint() {
    let second = |first: u64| Incarnation { number: 2, log_id: "second".into(), first_offsets: vec![first] };
    let migrated = |facts: &mut Facts, first: u64| {
        facts.known.push(second(first));
        facts.incarnation = second(first);
        facts.watermarks = Watermarks { low: first, high: first };
        facts.previous = None;
    };
    assert!(matches!(alarm_of(|facts| migrated(facts, 5)), Alarm::IncarnationMismatch { .. }));
    let mut bench = counted();
    let mut facts = bench.facts();
    migrated(&mut facts, 2);
    bench.assign(facts).unwrap();
    bench.append_ours(pack(&Envelope { incarnation: 2, ..envelope() }, &[pulse("c"), pulse("d")], &[]));
    bench.count().unwrap();
    let checkpoint = bench.checkpoint().unwrap();
    assert_eq!((checkpoint.next, checkpoint.incarnation), (3, 2));
    assert_eq!((bench.counted(), checkpoint.totals.duplicate), (4, 1), "ids are known across incarnations");
}

#[test]
fn an_incarnation_above_what_was_counted_is_taken_only_where_the_loss_was_declared() {
    let third = || Incarnation { number: 3, log_id: "third".into(), first_offsets: vec![1_000] };
    let remade = |facts: &mut Facts, losses: &[u32]| {
        facts.known.push(Incarnation { number: 2, ..third() });
        facts.known.push(third());
        facts.incarnation = third();
        facts.watermarks = Watermarks { low: 1_000, high: 1_000 };
        facts.previous = None;
        facts.losses = losses.to_vec();
    };
    for losses in [&[][..], &[1], &[4]] {
        let alarm = alarm_of(|facts| remade(facts, losses));
        assert!(matches!(alarm, Alarm::IncarnationMismatch { .. }), "{losses:?}: {alarm}");
    }
    for losses in [[2], [3]] {
        let mut bench = counted();
        let mut facts = bench.facts();
        remade(&mut facts, &losses);
        bench.assign(facts.clone()).unwrap();
        assert_eq!(bench.owner.next_offset(), Some(1_000));
        let value = pack(&Envelope { incarnation: 3, ..envelope() }, &[pulse("c"), pulse("d")], &[]);
        bench.append_first(1_000, value);
        bench.count().unwrap();
        let checkpoint = bench.checkpoint().unwrap();
        assert_eq!((checkpoint.next, checkpoint.incarnation), (1_001, 3));
        assert_eq!((bench.counted(), checkpoint.totals.duplicate), (4, 1), "what was counted stays known");
        // Once counted on there, it is a log like any other: what it loses next was not declared.
        facts.checkpoint = Some(checkpoint);
        let short = Err(Stop::Alarm(Alarm::LogTooShort { next: 1_001, high: 1_000 }));
        assert_eq!(bench.assign(facts), short);
    }
    let mut bench = Bench::new();
    let mut facts = bench.facts();
    remade(&mut facts, &[3]);
    bench.assign(facts).unwrap();
    assert_eq!(bench.owner.next_offset(), Some(1_000), "nothing was counted before");
}

/// The ledger forgets an id 45 days after it was written. It may have been written a day and five minutes before its
/// event time, and repeated by a record that arrived 36 days after it: that leaves 8 days less five minutes.
#[test]
fn a_replay_from_before_what_the_ledger_surely_knows_is_too_old() {
    let mut bench = Bench::new();
    let arrival = NOW.plus_seconds(-8 * DAY + 300 - 1);
    bench.append_arrived(arrival, &[pulse("a")]);
    assert_eq!(bench.feed(), Err(Stop::Alarm(Alarm::ReplayTooOld { offset: 0, arrival })));
    let mut bench = Bench::new();
    bench.append_arrived(NOW.plus_seconds(-8 * DAY + 300), &[pulse("a")]);
    bench.count().unwrap();
    assert_eq!(bench.checkpoint().unwrap().next, 1);
}

#[test]
fn a_damaged_cell_stops_the_partition_before_it_is_written_over() {
    for table in [&AGGREGATE, &LEDGER] {
        let mut bench = counted();
        let facts = bench.facts();
        bench.assign(facts).unwrap();
        let mut cell = bench.cells(table).remove(0);
        let mut value = cell.value.to_vec();
        value[3] ^= 1;
        cell.value = value.into();
        cell.timestamp += 1;
        bench.store.write(&cell, [true; 3]);
        // The same minute and the same hour as what was counted, and every slice of the minute.
        let many: Vec<_> = (0..64).map(|number| pulse(&format!("n-{number}"))).collect();
        bench.append(&many);
        let stop = bench.feed().and_then(|()| bench.answer_all()).unwrap_err();
        let Stop::Alarm(Alarm::DamagedCell { what }) = stop else { panic!("{stop}") };
        assert!(what.starts_with(table.name), "{what}");
        assert!(bench.cells(table).contains(&cell));
    }
}

#[test]
fn an_alarm_waits_for_the_flush_that_is_under_way() {
    let mut bench = Bench::new();
    bench.append(&[pulse("a")]);
    bench.feed().unwrap();
    while bench.owner.next_offset() != Some(1) || !bench.owner.wants_records() {
        let (id, call) = bench.take_call();
        let answer = bench.perform(id, &call);
        bench.hand(answer).unwrap();
    }
    bench.hand(Input::Tick).unwrap();
    bench.append(&[pulse("b")]);
    bench.append_format("2");
    bench.feed().unwrap();
    assert!(matches!(bench.answer_all(), Err(Stop::Alarm(Alarm::NewerFormat { offset: 2, .. }))));
    assert_eq!((bench.counted(), bench.checkpoint().unwrap().next), (2, 2));
}
