//! Assignments, order, and what belongs to an assignment that is over.

use crate::bench::{Bench, NOW, pulse};
use ingestor_consumer::core::{Call, Input, Stop};

#[test]
fn an_offset_that_is_not_the_next_one_asks_for_an_assignment() {
    for (first, found) in [(1, 1), (2, 2)] {
        let mut bench = Bench::new();
        (0..3).for_each(|number| bench.append(&[pulse(&format!("p-{number}"))]));
        let records = bench.log[first..].to_vec();
        assert_eq!(bench.hand(Input::Records(records)), Err(Stop::Reassign { expected: 0, found }));
        assert!(bench.owner.next_offset().is_none() && !bench.owner.wants_records());
        let facts = bench.facts();
        bench.assign(facts).unwrap();
        bench.count().unwrap();
        assert_eq!(bench.counted(), 3);
    }
}

#[test]
fn a_record_that_comes_again_asks_for_an_assignment() {
    let mut bench = Bench::new();
    bench.append(&[pulse("a")]);
    bench.append(&[pulse("b")]);
    bench.count().unwrap();
    let again = vec![bench.log[1].clone()];
    assert_eq!(bench.hand(Input::Records(again)), Err(Stop::Reassign { expected: 2, found: 1 }));
    let twice = vec![bench.log[0].clone(), bench.log[0].clone()];
    let mut bench = Bench::new();
    assert_eq!(bench.hand(Input::Records(twice)), Err(Stop::Reassign { expected: 1, found: 0 }));
}

#[test]
fn what_was_read_and_not_flushed_before_a_re_assignment_is_read_again() {
    let mut bench = Bench::new();
    bench.append(&[pulse("a"), pulse("b")]);
    bench.feed().unwrap();
    bench.answer_all().unwrap();
    assert_eq!(bench.owner.next_offset(), Some(1));
    let facts = bench.facts();
    bench.assign(facts).unwrap();
    assert_eq!(bench.owner.next_offset(), Some(0));
    bench.count().unwrap();
    assert_eq!(bench.counted(), 2);
}

#[test]
fn answers_to_calls_of_an_earlier_assignment_are_ignored() {
    let mut bench = Bench::new();
    bench.append(&[pulse("a")]);
    bench.count().unwrap();
    bench.append(&[pulse("a"), pulse("b")]);
    let facts = bench.facts();
    bench.assign(facts.clone()).unwrap();
    bench.feed().unwrap();
    let stale: Vec<_> = bench.calls.drain(..).collect();
    assert!(stale.iter().all(|(_, call)| matches!(call, Call::Load(_))));
    bench.assign(facts).unwrap();
    bench.feed().unwrap();
    for (id, _) in &stale {
        bench.hand(Input::Loaded(*id, Vec::new())).unwrap();
        bench.hand(Input::Done(*id)).unwrap();
        bench.hand(Input::Unknown(*id)).unwrap();
    }
    assert!(!bench.owner.wants_records(), "its own loads are still open");
    assert!(bench.calls.iter().all(|(id, _)| stale.iter().all(|(old, _)| old != id)));
    bench.answer_all().unwrap();
    bench.hand(Input::Tick).unwrap();
    bench.answer_all().unwrap();
    let totals = bench.checkpoint().unwrap().totals;
    assert_eq!((bench.counted(), totals.applied, totals.duplicate), (2, 2, 1));
}

#[test]
fn an_owner_that_was_revoked_does_nothing() {
    let mut bench = Bench::new();
    bench.append(&[pulse("a")]);
    bench.feed().unwrap();
    bench.hand(Input::Revoked).unwrap();
    assert!(bench.owner.next_offset().is_none() && bench.owner.durable_offset().is_none());
    bench.answer_all().unwrap();
    bench.hand(Input::Records(bench.log.clone())).unwrap();
    bench.hand(Input::Tick).unwrap();
    assert!(bench.calls.is_empty() && bench.store.all().is_empty());
}

#[test]
fn a_watermark_waits_until_all_below_the_end_it_saw_is_durable() {
    let mut bench = Bench::new();
    bench.hand(Input::Probe { next: 0, clock: NOW, high: 0 }).unwrap();
    assert_eq!(bench.watermark, Some(NOW), "an idle partition advances too");
    bench.append(&[pulse("a")]);
    let later = NOW.plus_seconds(1);
    bench.hand(Input::Probe { next: 0, clock: later, high: 1 }).unwrap();
    bench.feed().unwrap();
    bench.answer_all().unwrap();
    bench.hand(Input::Tick).unwrap();
    while let Some((id, call)) = bench.calls.pop_front() {
        assert_eq!(bench.watermark, Some(NOW));
        let answer = bench.perform(id, &call);
        bench.hand(answer).unwrap();
    }
    assert_eq!(bench.watermark, Some(later));
    bench.hand(Input::Probe { next: 1, clock: NOW, high: 1 }).unwrap();
    assert_eq!(bench.watermark, Some(later), "a watermark does not go back");
}
