//! Instants and windows, against jiff's calendar and whole numbers.

use domain::time::{Quarter, TimeError, Timestamp, Window};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use std::time::Duration;

const NANOS: i128 = 1_000_000_000;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn window(start: &str, end: &str) -> Window {
    Window::new(at(start), at(end)).unwrap()
}

#[test]
fn instants_are_read_in_any_zone_and_printed_in_utc() {
    for (text, utc) in [
        ("2026-01-31T10:15:00Z", "2026-01-31T10:15:00Z"),
        ("2026-01-31t10:15:00z", "2026-01-31T10:15:00Z"),
        ("2026-01-31 10:15:00Z", "2026-01-31T10:15:00Z"),
        ("2026-01-31T10:15:00.000000001Z", "2026-01-31T10:15:00.000000001Z"),
        ("2026-01-31T10:15:00.10+02:00", "2026-01-31T08:15:00.1Z"),
        ("2025-12-31T23:59:59-00:30", "2026-01-01T00:29:59Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
    ] {
        assert_eq!(at(text).to_string(), utc, "{text}");
    }
}

#[test]
fn what_is_no_instant_is_refused_with_an_example() {
    let bad = [
        "2026-01-31T10:15:00",
        "2026-01-31T10:15:00[Europe/Berlin]",
        "2026-01-31T10:15:00Z[UTC]",
        "2026-01-31",
        "10:15:00Z",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-01-31T25:00:00Z",
        "2026-01-31_10:15:00Z",
        "２026-01-31T10:15:00Z",
        "1769850000",
        "now",
        "",
    ];
    for text in bad {
        assert_eq!(Timestamp::parse(text), Err(TimeError), "{text}");
    }
    assert!(TimeError.to_string().contains("RFC 3339"));
}

/// An instant is 64 bits of nanoseconds: what lies beyond is the first or the last one.
#[test]
fn instants_beyond_what_one_can_be_are_cut() {
    let (first, last) = (Timestamp::from_nanos(i64::MIN), Timestamp::MAX);
    assert_eq!((at("0001-01-01T00:00:00Z"), at("9999-12-30T00:00:00Z")), (first, last));
    assert_eq!(Timestamp::from_unix(-62_135_596_800, 0), Some(first));
    assert_eq!(Timestamp::from_unix(-62_135_596_801, 0), None);
    assert_eq!(Timestamp::from_unix(253_402_300_799, 999_999_999), Some(last));
    assert_eq!(Timestamp::from_unix(253_402_300_800, 0), None);
    assert_eq!((Timestamp::from_seconds(i64::MAX), Timestamp::from_millis(i64::MIN)), (last, first));
    assert_eq!((last.plus_seconds(1), first.plus_seconds(-1)), (last, first));
    assert_eq!(Timestamp::EPOCH.plus_seconds(i64::MIN), first);
}

#[test]
fn the_time_since_an_instant_is_none_where_the_clock_went_back() {
    let (early, late) = (Timestamp::from_nanos(-1_500_000_000), Timestamp::from_seconds(2));
    assert_eq!(late.since(early), Duration::from_millis(3_500));
    assert_eq!((early.since(late), late.since(late)), (Duration::ZERO, Duration::ZERO));
    let (first, last) = (Timestamp::from_nanos(i64::MIN), Timestamp::from_nanos(i64::MAX));
    assert_eq!(
        last.since(first),
        Duration::from_nanos(i64::MAX.unsigned_abs()),
        "cut to what an instant can be"
    );
}

#[test]
fn a_quarter_is_one_of_four_of_its_hour() {
    for (text, index) in [("10:00:00", 0), ("10:14:59", 0), ("10:15:00", 1), ("10:30:00", 2), ("10:59:59", 3)]
    {
        let instant = at(&format!("2026-03-04T{text}Z"));
        let quarter = instant.quarter();
        assert_eq!((quarter.index(), quarter.hour()), (index, instant.hour()), "{text}");
        assert_eq!(Quarter::of_hour(quarter.hour(), index), quarter);
        assert_eq!(instant.is_on_quarter(), ["10:00:00", "10:15:00", "10:30:00"].contains(&text));
    }
}

#[test]
fn a_window_holds_its_start_and_not_its_end() {
    let hour = window("2026-03-04T10:00:00Z", "2026-03-04T11:00:00Z");
    for (text, is_within) in [
        ("2026-03-04T09:59:59.999999999Z", false),
        ("2026-03-04T10:00:00Z", true),
        ("2026-03-04T10:59:59.999999999Z", true),
        ("2026-03-04T11:00:00Z", false),
    ] {
        assert_eq!(hour.contains(at(text)), is_within, "{text}");
    }
    assert_eq!(Window::new(hour.end(), hour.start()), None);
    assert_eq!(Window::new(hour.start(), hour.start()), None);
}

#[test]
fn what_windows_share_is_a_window_or_nothing() {
    let morning = window("2026-03-04T06:00:00Z", "2026-03-04T12:00:00Z");
    let noon = window("2026-03-04T11:00:00Z", "2026-03-04T13:00:00Z");
    let shared = window("2026-03-04T11:00:00Z", "2026-03-04T12:00:00Z");
    assert_eq!((morning.intersection(&noon), noon.intersection(&morning)), (Some(shared), Some(shared)));
    let afternoon = window("2026-03-04T12:00:00Z", "2026-03-04T18:00:00Z");
    assert_eq!(morning.intersection(&afternoon), None, "they only touch");
    assert_eq!(morning.intersection(&morning), Some(morning));
}

#[test]
fn the_days_of_a_window_are_those_it_touches() {
    for (start, end, days) in [
        ("1970-01-02T00:00:00Z", "1970-01-03T00:00:00Z", 1..=1),
        ("1970-01-02T00:00:00Z", "1970-01-03T00:00:00.000000001Z", 1..=2),
        ("1970-01-01T23:00:00Z", "1970-01-03T01:00:00Z", 0..=2),
        ("1969-12-31T00:00:00Z", "1970-01-01T00:00:00Z", -1..=-1),
    ] {
        assert_eq!(window(start, end).days(), days, "{start}");
    }
}

proptest! {
    #[test]
    fn units_of_time_round_down_on_both_sides_of_the_epoch(nanos in any::<i64>()) {
        let instant = Timestamp::from_nanos(nanos);
        let floor = |unit: i128| i64::try_from(i128::from(nanos).div_euclid(unit)).unwrap();
        prop_assert_eq!(instant.micros(), floor(1_000));
        prop_assert_eq!(instant.millis(), floor(1_000_000));
        prop_assert_eq!(instant.seconds(), floor(NANOS));
        prop_assert_eq!(instant.minute(), floor(60 * NANOS));
        prop_assert_eq!(instant.quarter().0, floor(900 * NANOS));
        prop_assert_eq!(instant.hour(), floor(3_600 * NANOS));
        prop_assert_eq!(instant.day(), floor(86_400 * NANOS));
        prop_assert_eq!(i128::from(instant.seconds()) * NANOS + i128::from(instant.subsecond_nanos()), i128::from(nanos));
    }

    /// jiff's own civil time of the same instant.
    #[test]
    fn the_clock_is_that_of_the_calendar(nanos in any::<i64>()) {
        let instant = Timestamp::from_nanos(nanos);
        let civil = instant.to_jiff().to_zoned(TimeZone::UTC).datetime();
        prop_assert_eq!(instant.hour().rem_euclid(24), i64::from(civil.hour()));
        prop_assert_eq!(instant.minute().rem_euclid(60), i64::from(civil.minute()));
        prop_assert_eq!(instant.quarter().index(), usize::try_from(civil.minute() / 15).unwrap());
        prop_assert_eq!(instant.subsecond_nanos(), i64::from(civil.subsec_nanosecond()));
        prop_assert_eq!(Timestamp::from_jiff(instant.to_jiff()), instant);
    }

    #[test]
    fn protobuf_times_are_read_by_their_rule(seconds in -62_135_596_800_i64..253_402_300_800, nanos in -2_i32..1_000_000_002) {
        let wanted = i128::from(seconds) * NANOS + i128::from(nanos);
        let cut = i64::try_from(wanted.clamp(i64::MIN.into(), i64::MAX.into())).unwrap();
        let valid = (0..1_000_000_000).contains(&nanos);
        prop_assert_eq!(Timestamp::from_unix(seconds, nanos), valid.then(|| Timestamp::from_nanos(cut)));
    }

    #[test]
    fn a_quarter_begins_where_it_says(number in -10_000_000_i64..9_000_000) {
        let start = Quarter(number).start();
        prop_assert!(start.is_on_quarter() && start.quarter() == Quarter(number));
        prop_assert_eq!(Timestamp::from_nanos(start.nanos() - 1).quarter(), Quarter(number - 1));
    }

    /// Minute by minute over half a day.
    #[test]
    fn an_intersection_holds_exactly_what_both_hold(starts in [0_i64..600, 0..600], lengths in [1_i64..200, 1..200]) {
        let minute = |number: i64| Timestamp::from_seconds(number * 60);
        let [one, other] = [0, 1].map(|index| Window::new(minute(starts[index]), minute(starts[index] + lengths[index])).unwrap());
        let shared = one.intersection(&other);
        for number in 0..800 {
            let both = one.contains(minute(number)) && other.contains(minute(number));
            prop_assert_eq!(shared.is_some_and(|shared| shared.contains(minute(number))), both);
        }
    }
}
