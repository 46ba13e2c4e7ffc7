//! The order of a flush, and calls whose outcome nobody knows.

use crate::bench::{Bench, pulse};
use domain::table::{CHECKPOINT, PAGE};
use ingestor_consumer::core::{Call, CallId, Input, Limits};

/// A record counted in memory and its flush begun; the log holds a pulse and foreign bytes.
fn flushing() -> Bench {
    let mut bench = Bench::new();
    bench.append(&[pulse("a")]);
    bench.append_foreign(b"not ours");
    bench.feed().unwrap();
    bench.answer_all().unwrap();
    bench.hand(Input::Tick).unwrap();
    bench
}

fn done(bench: &mut Bench, id: CallId, call: &Call) {
    let answer = bench.perform(id, call);
    bench.hand(answer).unwrap();
}

#[test]
fn a_flush_writes_then_publishes_then_checkpoints() {
    let mut bench = flushing();
    let (rows, rows_call) = bench.take_call();
    let (letters, letters_call) = bench.take_call();
    assert!(matches!(rows_call, Call::Aggregation(_)) && matches!(letters_call, Call::DeadLetters(_)));
    done(&mut bench, letters, &letters_call);
    assert!(bench.calls.is_empty(), "a checkpoint needs both paths");
    done(&mut bench, rows, &rows_call);
    let (publish, publish_call) = bench.take_call();
    let Call::Publish(publication) = &publish_call else { panic!("{publish_call:?}") };
    assert_eq!((publication.revisions.len(), publication.dead_letters.len()), (1, 1));
    assert!(bench.cells(&CHECKPOINT).is_empty());
    done(&mut bench, publish, &publish_call);
    let (checkpoint, checkpoint_call) = bench.take_call();
    assert!(matches!(checkpoint_call, Call::Checkpoint(_)) && bench.owner.durable_offset() == Some(0));
    done(&mut bench, checkpoint, &checkpoint_call);
    assert!(bench.owner.durable_offset() == Some(2) && bench.owner.is_settled());
}

/// Each call of a flush fails twice before it is done; what was a call stays that call, byte for byte.
#[test]
fn a_call_of_unknown_outcome_is_made_again_as_it_was() {
    let mut bench = flushing();
    let mut kinds = Vec::new();
    while let Some((id, call)) = bench.calls.pop_front() {
        for _ in 0..2 {
            let before = bench.calls.len();
            bench.hand(Input::Unknown(id)).unwrap();
            assert_eq!(bench.calls.len(), before + 1);
            let (again_id, again) = bench.calls.pop_back().unwrap();
            assert_eq!((again_id, format!("{again:?}")), (id, format!("{call:?}")));
        }
        kinds.push(std::mem::discriminant(&call));
        done(&mut bench, id, &call);
    }
    assert_eq!(kinds.len(), 4);
    assert_eq!(bench.checkpoint().unwrap().next, 2);
}

#[test]
fn a_load_that_fails_is_made_again_and_nothing_is_applied_before() {
    let mut bench = Bench::new();
    bench.append(&[pulse("a")]);
    bench.feed().unwrap();
    let (id, _) = bench.take_call();
    bench.hand(Input::Unknown(id)).unwrap();
    assert!(bench.calls.iter().any(|(again, call)| *again == id && matches!(call, Call::Load(_))));
    bench.hand(Input::Tick).unwrap();
    assert!(bench.calls.iter().all(|(_, call)| matches!(call, Call::Load(_))), "no half batch is flushed");
    bench.answer_all().unwrap();
    assert_eq!(bench.checkpoint().unwrap().next, 1);
}

#[test]
fn a_lost_checkpoint_write_is_made_again_and_until_then_nothing_is_durable() {
    let mut bench = flushing();
    let (id, call) = loop {
        match bench.take_call() {
            (id, call @ Call::Checkpoint(_)) => break (id, call),
            (id, call) => done(&mut bench, id, &call),
        }
    };
    bench.hand(Input::Unknown(id)).unwrap();
    assert_eq!(bench.owner.durable_offset(), Some(0));
    assert!(!bench.owner.is_settled());
    bench.hand(Input::Tick).unwrap();
    assert_eq!(bench.calls.len(), 1, "no other flush begins before the checkpoint is known");
    let (again, _) = bench.take_call();
    assert_eq!(again, id);
    done(&mut bench, id, &call);
    assert_eq!((bench.owner.durable_offset(), bench.checkpoint().unwrap().next), (Some(2), 2));
}

#[test]
fn an_owner_at_its_bound_takes_nothing_until_it_has_flushed() {
    let mut bench = Bench::with_limits(Limits { id_bytes_max: 1, ..Limits::default() });
    bench.append(&[pulse("a"), pulse("b"), pulse("c")]);
    bench.append(&[pulse("d")]);
    let first = vec![bench.log[0].clone()];
    bench.hand(Input::Records(first)).unwrap();
    while let Some((id, call)) = bench.calls.pop_front() {
        assert!(!bench.owner.wants_records());
        done(&mut bench, id, &call);
    }
    assert!(bench.owner.wants_records() && bench.owner.durable_offset() == Some(1));
    bench.count().unwrap();
    assert_eq!(bench.counted(), 4);
}

#[test]
fn a_flush_tells_what_it_made_durable() {
    let mut bench = flushing();
    assert!(bench.flushed.is_empty());
    let held = bench.owner.memory();
    assert_eq!((held.rows, held.ids, held.id_sets, held.fresh_bytes), (1, 1, 1, 0), "the rest is on its way");
    assert_eq!(held.bytes(), 600 + held.id_bytes);
    // One fingerprint among sixteen places, a block with room for four ids, and the set.
    assert!((16 * 6 + 4 * 32..500).contains(&held.id_bytes), "{}", held.id_bytes);
    bench.answer_all().unwrap();
    bench.append(&[pulse("a"), pulse("b")]);
    bench.count().unwrap();
    let [first, second] = bench.flushed.as_slice() else { panic!("{:?}", bench.flushed) };
    assert_eq!((first.counted.read, first.counted.applied, first.counted.foreign), (2, 1, 1));
    assert_eq!((second.counted.read, second.counted.applied, second.counted.duplicate), (2, 1, 1));
    assert_eq!((second.books.read, second.books.applied, second.books.difference()), (4, 2, 0));
    // A row, a block of ids, two pages, one dead letter; then a row, a block and a page.
    assert_eq!((first.cells, second.cells), (5, 3));
    assert_eq!((first.publication.dead_letters.len(), second.publication.revisions.len()), (1, 1));
    let written: usize = bench.cells(&PAGE).iter().map(|cell| cell.value.len()).sum();
    assert!(first.bytes + second.bytes > written && written > 0);
}
