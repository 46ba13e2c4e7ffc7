//! What cannot be counted is kept by position, and the partition goes on.

use crate::bench::{Bench, NOW, pulse, pulse_at};
use domain::dead_letter::{DeadLetterEvent, DeadLetterId, DeadLetterState, PayloadKind, Status};
use domain::position::Position;
use domain::reject::RejectReason;
use domain::table::{DEAD_LETTER, DEAD_LETTER_STATE, LEDGER};
use ingestor_consumer::core::Input;
use proto::blob::Blob;
use proto::record::{Control, RefusedPulse};

fn refused(payload: &'static [u8]) -> RefusedPulse {
    RefusedPulse {
        tenant: "acme".to_owned(),
        reason: RejectReason::UnknownSku,
        field: "sku".to_owned(),
        message: "sku is unknown".to_owned(),
        payload: payload.into(),
    }
}

#[test]
fn foreign_bytes_are_a_dead_letter_and_the_partition_goes_on() {
    let mut bench = Bench::new();
    bench.append(&[pulse("a")]);
    bench.append_foreign(b"\x00 who knows \xff");
    bench.append(&[pulse("b")]);
    bench.count().unwrap();
    let totals = bench.checkpoint().unwrap().totals;
    assert_eq!((bench.counted(), totals.read, totals.foreign), (2, 3, 1));
    let [letter] = bench.letters().try_into().unwrap();
    assert_eq!(letter.id.position, Position::new(1, 0));
    assert_eq!((letter.kind, letter.reason), (PayloadKind::Foreign, RejectReason::Undecodable));
    assert_eq!(&letter.payload[..], b"\x00 who knows \xff");
}

#[test]
fn a_refused_pulse_is_kept_untouched_and_never_enters_the_ledger() {
    let mut bench = Bench::new();
    bench.append_refused(refused(b"the pulse as it was sent"));
    bench.count().unwrap();
    let [letter] = bench.letters().try_into().unwrap();
    assert_eq!((letter.reason, letter.field.as_str()), (RejectReason::UnknownSku, "sku"));
    assert_eq!(&letter.payload[..], b"the pulse as it was sent");
    assert!(bench.cells(&LEDGER).is_empty());
}

#[test]
fn a_conflict_is_kept_and_the_first_content_stays_counted() {
    let mut bench = Bench::new();
    let mut other = pulse("a");
    other.pulse.quantity = domain::quantity::Quantity::parse("9").unwrap();
    bench.append(&[pulse("a"), other, pulse("a")]);
    bench.count().unwrap();
    let totals = bench.checkpoint().unwrap().totals;
    assert_eq!((totals.applied, totals.conflict, totals.duplicate), (1, 1, 1));
    let [letter] = bench.letters().try_into().unwrap();
    assert_eq!((letter.reason, letter.id.position), (RejectReason::DuplicateConflict, Position::new(0, 1)));
}

/// 36 days back and 24 hours and 5 minutes ahead of the arrival, both inclusive.
#[test]
fn the_horizon_is_measured_from_the_arrival_in_the_record() {
    let mut bench = Bench::new();
    let at = |seconds| pulse_at(&format!("p{seconds}"), NOW.plus_seconds(seconds));
    let (past, future) = (-36 * 86_400, 86_400 + 300);
    bench.append(&[at(past - 1), at(past), at(future), at(future + 1)]);
    bench.count().unwrap();
    let totals = bench.checkpoint().unwrap().totals;
    assert_eq!((totals.applied, totals.too_late), (2, 2));
    let positions: Vec<usize> = bench.letters().iter().map(|letter| letter.id.position.index()).collect();
    assert_eq!(positions, [0, 3]);
}

#[test]
fn only_the_partition_of_a_dead_letter_keeps_its_books() {
    let mut bench = Bench::new();
    let id =
        |partition| DeadLetterId { day: NOW.day(), generation: 1, partition, position: Position::new(0, 0) };
    let event = |partition, event| Control::DeadLetter { id: id(partition), event };
    bench.append_refused(refused(b"a pulse"));
    bench.append_control(&event(0, DeadLetterEvent::RefusedAgain));
    bench.append_control(&event(0, DeadLetterEvent::Replayed));
    bench.append_control(&event(1, DeadLetterEvent::Purged));
    bench.count().unwrap();
    assert_eq!(bench.checkpoint().unwrap().totals.control, 3);
    let [cell] = bench.cells(&DEAD_LETTER_STATE).try_into().unwrap();
    let state = DeadLetterState::from_blob(&cell.value).unwrap();
    assert_eq!((state.status, state.attempts, state.position), (Status::Replayed, 2, Position::new(2, 0)));
    assert_eq!(cell.timestamp, state.position.raw());
}

fn event(letter: &DeadLetterId, event: DeadLetterEvent) -> Control {
    Control::DeadLetter { id: *letter, event }
}

fn only_letter(bench: &Bench) -> (domain::dead_letter::DeadLetter, i64) {
    let [cell] = bench.cells(&DEAD_LETTER).try_into().unwrap();
    (domain::dead_letter::DeadLetter::from_blob(&cell.value).unwrap(), cell.timestamp)
}

/// However far the dead letter has come when it is purged: read together with it, on its way to the store, or stored.
#[test]
fn a_purge_writes_the_row_again_without_its_payload() {
    let id = DeadLetterId { day: NOW.day(), generation: 1, partition: 0, position: Position::new(0, 0) };
    for before_the_purge in ["nothing", "read", "flushing", "stored", "assigned again"] {
        let mut bench = Bench::new();
        bench.append_refused(refused(b"the pulse as it was sent"));
        match before_the_purge {
            "nothing" => {}
            "read" => bench.feed().unwrap(),
            "flushing" => {
                bench.feed().unwrap();
                bench.hand(Input::Tick).unwrap();
            }
            _ => bench.count().unwrap(),
        }
        if before_the_purge == "assigned again" {
            let facts = bench.facts();
            bench.assign(facts).unwrap();
        }
        bench.append_control(&event(&id, DeadLetterEvent::Purged));
        bench.count().unwrap();
        bench.hand(Input::Tick).unwrap();
        bench.answer_all().unwrap();
        let (letter, timestamp) = only_letter(&bench);
        assert!(letter.payload.is_empty(), "{before_the_purge}");
        assert_eq!(timestamp, Position::new(1, 0).raw(), "{before_the_purge}");
        assert_eq!((letter.reason, letter.message.as_str()), (RejectReason::UnknownSku, "sku is unknown"));
        assert_eq!((letter.id, letter.received_time), (id, NOW));
    }
}

#[test]
fn a_purge_that_is_replayed_writes_the_same() {
    let id = DeadLetterId { day: NOW.day(), generation: 1, partition: 0, position: Position::new(0, 0) };
    let mut bench = Bench::new();
    bench.append_refused(refused(b"the pulse as it was sent"));
    bench.append_control(&event(&id, DeadLetterEvent::Purged));
    let fresh = bench.facts();
    bench.count().unwrap();
    let cells = bench.store.all();
    bench.assign(fresh).unwrap();
    bench.count().unwrap();
    assert_eq!(bench.store.all(), cells);
}

#[test]
fn a_purge_of_what_is_no_dead_letter_leaves_a_state_and_no_row() {
    let mut bench = Bench::new();
    let at = |position| DeadLetterId { day: NOW.day(), generation: 1, partition: 0, position };
    bench.append(&[pulse("a")]);
    bench.append_control(&event(&at(Position::new(0, 0)), DeadLetterEvent::Purged));
    bench.append_control(&event(&at(Position::new(9, 0)), DeadLetterEvent::Purged));
    bench.count().unwrap();
    assert!(bench.letters().is_empty());
    assert_eq!(bench.cells(&DEAD_LETTER_STATE).len(), 1, "nobody knows yet what lies above the purge");
    assert_eq!(bench.checkpoint().unwrap().totals.control, 2);
}
