//! Books, closed periods and checkpoints.

use domain::calendar::Period;
use domain::checkpoint::{Checkpoint, Closing, Closings, Totals, watermark_key, worker_key};
use domain::position::Position;
use domain::table::KeyValue;
use domain::time::Timestamp;
use proptest::prelude::*;
use std::sync::Arc;

const NAMES: [&str; 7] = ["applied", "duplicate", "conflict", "refused", "foreign", "too_late", "control"];

fn totals(read: u64, parts: [u64; 7]) -> Totals {
    let [applied, duplicate, conflict, refused, foreign, too_late, control] = parts;
    Totals { read, applied, duplicate, conflict, refused, foreign, too_late, control }
}

fn period(text: &str) -> Period {
    Period::parse(text).unwrap()
}

/// Markers of UTC: (month, closed).
fn closings(markers: &[(&str, bool)]) -> Closings {
    let mut closings = Closings::default();
    for (number, (month, closed)) in (1..).zip(markers) {
        let closing = Closing { number, closed: *closed, offset: number };
        closings.0.insert(("UTC".into(), period(month)), closing);
    }
    closings
}

#[test]
fn each_outcome_counts_towards_what_was_read() {
    for index in 0..7 {
        let mut parts = [0; 7];
        parts[index] = 3;
        assert!(totals(3, parts).balance(), "{}", NAMES[index]);
        assert_eq!(totals(4, parts).difference(), 1, "{}", NAMES[index]);
        assert_eq!(totals(2, parts).difference(), -1, "{}", NAMES[index]);
        assert_eq!(totals(3, parts).outcomes()[index], (NAMES[index], 3));
    }
    assert!(Totals::default().balance());
}

#[test]
fn books_of_any_size_are_compared_without_overflow() {
    let largest = totals(u64::MAX, [u64::MAX; 7]);
    assert_eq!(largest.difference(), -6 * i128::from(u64::MAX));
    assert_eq!(totals(u64::MAX, [0; 7]).difference(), i128::from(u64::MAX));
}

#[test]
fn an_open_period_takes_its_own_pulses() {
    let utc: Arc<str> = "UTC".into();
    let closings = closings(&[("2026-01", true), ("2026-02", false)]);
    for (month, posted) in
        [("2025-12", None), ("2026-01", Some("2026-02")), ("2026-02", None), ("2026-03", None)]
    {
        assert_eq!(closings.posted(&utc, period(month)), posted.map(period), "{month}");
        assert_eq!(closings.is_closed(&utc, period(month)), posted.is_some(), "{month}");
    }
    assert_eq!(Closings::default().posted(&utc, period("2026-01")), None);
}

#[test]
fn an_adjustment_passes_over_closed_months_and_the_turn_of_the_year() {
    let utc: Arc<str> = "UTC".into();
    let closings = closings(&[("2025-11", true), ("2025-12", true), ("2026-01", true), ("2026-03", true)]);
    for (month, posted) in
        [("2025-11", "2026-02"), ("2025-12", "2026-02"), ("2026-01", "2026-02"), ("2026-03", "2026-04")]
    {
        assert_eq!(closings.posted(&utc, period(month)), Some(period(posted)), "{month}");
    }
}

/// A month of one calendar says nothing about the month of another.
#[test]
fn calendars_are_closed_each_by_itself() {
    let closings = closings(&[("2026-01", true)]);
    for zone in ["Asia/Kolkata", "", "utc"] {
        assert_eq!(closings.posted(&zone.into(), period("2026-01")), None, "{zone}");
    }
}

#[test]
fn the_last_marker_of_a_month_decides() {
    let utc: Arc<str> = "UTC".into();
    let reopened = closings(&[("2026-01", true), ("2026-01", false)]);
    assert!(!reopened.is_closed(&utc, period("2026-01")));
    let closed_again = closings(&[("2026-01", true), ("2026-01", false), ("2026-01", true)]);
    assert_eq!(closed_again.posted(&utc, period("2026-01")), Some(period("2026-02")));
    assert_eq!(closed_again.0.len(), 1);
}

#[test]
fn a_checkpoint_is_stamped_above_all_that_it_covers() {
    let checkpoint = Checkpoint { next: 5, ..Checkpoint::default() };
    assert_eq!(checkpoint.position().raw(), 5 * 256);
    assert!(Position::new(4, 255) <= checkpoint.position() && checkpoint.position() < Position::new(5, 0));
    assert_eq!(Checkpoint::default().position(), Position::START);
}

#[test]
fn keys_of_checkpoints_name_their_table_and_partition() {
    let numbers = |values: &[KeyValue]| values.iter().filter_map(KeyValue::as_int).collect::<Vec<_>>();
    let key = Checkpoint::cell_key(2, 3);
    assert_eq!(
        (key.table.name, numbers(&key.partition), key.clustering.len()),
        ("checkpoint", vec![2, 3], 0)
    );
    assert_eq!(key.stamped_by(), Some((2, 3)));
    let time = Timestamp::from_nanos(1_234_567_890);
    let key = Checkpoint::history_key(2, 3, time);
    assert_eq!(
        (key.table.name, key.clustering.clone()),
        ("checkpoint_history", vec![KeyValue::Timestamp(1_234)])
    );
    let key = watermark_key(2, 3);
    assert_eq!(
        (key.table.name, numbers(&key.partition), numbers(&key.clustering)),
        ("watermark", vec![2], vec![3])
    );
    assert_eq!(key.stamped_by(), None, "its timestamp is a time");
    let key = worker_key("pricing", "catalog", 7);
    assert_eq!(key.partition[..], [KeyValue::text("pricing"), KeyValue::text("catalog")]);
    assert_eq!((key.table.name, key.clustering,), ("worker_checkpoint", vec![KeyValue::Int(7)]));
}

proptest! {
    #[test]
    fn books_add_up_field_by_field(one in any::<[u32; 8]>(), other in any::<[u32; 8]>()) {
        let of = |numbers: [u32; 8]| {
            let wide = numbers.map(u64::from);
            totals(wide[0], wide[1..].try_into().unwrap())
        };
        let mut sum = of(one);
        sum += of(other);
        let wanted: Vec<u64> = (0..8).map(|index| u64::from(one[index]) + u64::from(other[index])).collect();
        prop_assert_eq!(sum, totals(wanted[0], wanted[1..].try_into().unwrap()));
        prop_assert_eq!(sum - of(other), of(one));
        prop_assert_eq!(sum.difference(), of(one).difference() + of(other).difference());
    }

    /// The first month after it that is not closed, found by looking at one after the other.
    #[test]
    fn an_adjustment_is_billed_in_the_first_open_month(closed in prop::collection::btree_set(0_i32..12, 0..12), asked in 0_i32..12) {
        let month = |number: i32| Period::from_number(2_026 * 12 + number).unwrap();
        let mut closings = Closings::default();
        for number in &closed {
            closings.0.insert(("UTC".into(), month(*number)), Closing { number: 1, closed: true, offset: 0 });
        }
        let open = (asked + 1..=12).find(|number| !closed.contains(number)).unwrap();
        let wanted = closed.contains(&asked).then(|| month(open));
        prop_assert_eq!(closings.posted(&"UTC".into(), month(asked)), wanted);
    }
}
