//! Dead letters: outward ids, cells, and every step from one state to the next.

use domain::dead_letter::{DeadLetterEvent, DeadLetterId, DeadLetterState, DecidedIdentity, Status};
use domain::position::Position;
use domain::table::KeyValue;
use domain::time::Timestamp;
use proptest::prelude::*;

fn identity(id: &str) -> DecidedIdentity {
    DecidedIdentity {
        tenant: "acme".into(),
        source: "meter".into(),
        id: id.into(),
        event_time: Timestamp::from_seconds(5),
    }
}

fn at(offset: u64) -> Position {
    Position::new(offset, 0)
}

/// The state after these events at offsets 1, 2, … and seconds 1, 2, …
fn after(events: &[DeadLetterEvent]) -> DeadLetterState {
    let mut state = DeadLetterState::default();
    for (offset, event) in (1..).zip(events) {
        assert!(state.apply(at(offset), Timestamp::from_seconds(i64::try_from(offset).unwrap()), event));
    }
    state
}

#[test]
fn every_pair_of_events_ends_in_its_status() {
    use DeadLetterEvent::{Purged, RefusedAgain, Replayed};
    let (open, replayed, purged) = (Status::Open, Status::Replayed, Status::Purged);
    for (first, second, status, attempts) in [
        (RefusedAgain, RefusedAgain, open, 2),
        (RefusedAgain, Replayed, replayed, 2),
        (RefusedAgain, Purged, purged, 1),
        (Replayed, RefusedAgain, replayed, 2),
        (Replayed, Replayed, replayed, 2),
        (Replayed, Purged, replayed, 1),
        (Purged, RefusedAgain, purged, 1),
        (Purged, Replayed, replayed, 1),
        (Purged, Purged, purged, 0),
    ] {
        let state = after(&[first.clone(), second.clone()]);
        assert_eq!((state.status, state.attempts), (status, attempts), "{first:?}, {second:?}");
        assert_eq!(state.replayed_time.is_some(), state.status == replayed);
    }
}

#[test]
fn a_dead_letter_is_open_and_untried_at_first() {
    let state = DeadLetterState::default();
    assert_eq!((state.status, state.attempts, state.position), (Status::Open, 0, Position::START));
    assert_eq!((state.replayed_time, state.decided), (None, None));
}

#[test]
fn a_decision_is_no_attempt_and_the_first_one_holds() {
    let events = ["first", "second"].map(|id| DeadLetterEvent::Decided(identity(id)));
    let state = after(&events);
    assert_eq!((state.decided, state.attempts, state.status), (Some(identity("first")), 0, Status::Open));
    assert_eq!(state.position, at(2), "it has seen both");
}

#[test]
fn it_was_billed_when_it_was_billed_first() {
    let events = [DeadLetterEvent::RefusedAgain, DeadLetterEvent::Replayed, DeadLetterEvent::Replayed];
    assert_eq!(after(&events).replayed_time, Some(Timestamp::from_seconds(2)));
}

#[test]
fn an_event_at_or_below_its_position_is_in_it_already() {
    let mut state = after(&[DeadLetterEvent::RefusedAgain, DeadLetterEvent::RefusedAgain]);
    let before = state.clone();
    for offset in [2, 1, 0] {
        assert!(!state.apply(at(offset), Timestamp::EPOCH, &DeadLetterEvent::Replayed));
        assert_eq!(state, before);
    }
}

#[test]
fn statuses_have_the_names_of_the_contract() {
    assert_eq!(
        [Status::Open, Status::Replayed, Status::Purged].map(Status::name),
        ["open", "replayed", "purged"]
    );
}

#[test]
fn both_cells_of_a_dead_letter_stand_at_its_day_partition_and_position() {
    let id = DeadLetterId { day: 20_484, generation: 1, partition: 3, position: Position::new(50, 0) };
    let (cell, state) = (id.cell_key(), id.state_key());
    assert_eq!((cell.table.name, state.table.name), ("dead_letter", "dead_letter_state"));
    assert_eq!(cell.partition[..], [KeyValue::text("2026-01-31"), KeyValue::Int(1), KeyValue::Int(3)]);
    assert_eq!(cell.partition[..], DeadLetterId::partition_key(20_484, 1, 3));
    assert_eq!((&cell.partition, &cell.clustering), (&state.partition, &state.clustering));
    assert_eq!(cell.clustering, [KeyValue::Int(12_801)]);
    assert_eq!(cell.stamped_by(), Some((1, 3)), "its partition's positions stamp it");
}

#[test]
fn what_is_no_id_is_none() {
    let bad = [
        "20260131",
        "20260131-1",
        "20260131-1-3-x",
        "20260131--1-3-1",
        "20260131-1-3-",
        "20260131-4294967296-3-1",
        "20260131-1-3-9223372036854775808",
        "20260230-1-3-1",
        "20260001-1-3-1",
        "2026+131-1-3-1",
        "202601311-1-3-1",
        "２０260131-1-3-1",
        "-20260131-1-3-1",
    ];
    for text in bad {
        assert_eq!(DeadLetterId::parse(text), None, "{text}");
    }
}

fn events() -> impl Strategy<Value = Vec<DeadLetterEvent>> {
    let event = prop_oneof![
        "[a-z]{1,3}".prop_map(|id| DeadLetterEvent::Decided(identity(&id))),
        Just(DeadLetterEvent::RefusedAgain),
        Just(DeadLetterEvent::Replayed),
        Just(DeadLetterEvent::Purged),
    ];
    prop::collection::vec(event, 0..12)
}

proptest! {
    #[test]
    fn an_id_reads_back_from_its_text(day in 0_i64..100_000, place in (any::<u32>(), any::<u32>()), offset in 0_u64..1 << 54, index in 0_usize..256) {
        let id = DeadLetterId { day, generation: place.0, partition: place.1, position: Position::new(offset, index) };
        prop_assert_eq!(DeadLetterId::parse(&id.to_string()), Some(id));
    }

    /// What a list of events says, read off the list.
    #[test]
    fn a_state_is_what_its_events_say(events in events(), replays in 0_usize..12) {
        let mut state = after(&events);
        let billed = events.iter().position(|event| *event == DeadLetterEvent::Replayed);
        let given_up = events.contains(&DeadLetterEvent::Purged);
        let status = if billed.is_some() { Status::Replayed } else if given_up { Status::Purged } else { Status::Open };
        prop_assert_eq!(state.status, status);
        let tries = events.iter().filter(|event| matches!(event, DeadLetterEvent::Replayed | DeadLetterEvent::RefusedAgain));
        prop_assert_eq!(state.attempts as usize, tries.count());
        let billed_at = billed.map(|index| Timestamp::from_seconds(i64::try_from(index + 1).unwrap()));
        prop_assert_eq!(state.replayed_time, billed_at);
        let decided = events.iter().find_map(|event| match event {
            DeadLetterEvent::Decided(identity) => Some(identity.clone()),
            _ => None,
        });
        prop_assert_eq!(&state.decided, &decided);
        let before = state.clone();
        for (offset, event) in (1..).zip(&events).skip(replays) {
            prop_assert!(!state.apply(at(offset), Timestamp::MAX, event));
        }
        prop_assert_eq!(state, before);
    }

    #[test]
    fn no_text_panics(text in "[0-9-]{0,40}", other in ".{0,40}") {
        let _ = (DeadLetterId::parse(&text), DeadLetterId::parse(&other));
    }
}
