//! Billing months of time zones, against jiff's zoned arithmetic.

use domain::calendar::{Calendar, Period, UnknownZone};
use domain::time::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;
use proptest::prelude::*;

const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
];

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn period(text: &str) -> Period {
    Period::parse(text).unwrap()
}

#[test]
fn a_period_is_a_month_of_the_years_1_to_9998() {
    for (year, month, text) in [(1, 1, "0001-01"), (2026, 12, "2026-12"), (9998, 12, "9998-12")] {
        let period = Period::new(year, month).unwrap();
        assert_eq!(period.to_string(), text);
        assert_eq!(Period::parse(text), Some(period));
    }
    for (year, month) in [(0, 1), (-1, 1), (9999, 1), (2026, 0), (2026, 13), (2026, -1)] {
        assert_eq!(Period::new(year, month), None, "{year}-{month}");
    }
}

#[test]
fn only_four_digits_a_hyphen_and_two_are_a_period() {
    for bad in [
        "",
        "-",
        "2026-1",
        "2026-001",
        "02026-01",
        "2026/01",
        "2026-01-",
        " 2026-01",
        "2026-0a",
        "٢٠٢٦-01",
        "0000-01",
    ] {
        assert_eq!(Period::parse(bad), None, "{bad}");
    }
}

#[test]
fn zones_are_known_by_their_names_in_any_case_and_named_canonically() {
    assert_eq!(Calendar::parse("UTC").unwrap(), Calendar::utc());
    assert_eq!(Calendar::parse("europe/berlin").unwrap().name(), "Europe/Berlin");
    assert_ne!(Calendar::parse("Europe/Berlin").unwrap(), Calendar::parse("Europe/Paris").unwrap());
    for unknown in ["", "Mars/Base", "Europe/Berlin ", "+02:00", "../UTC"] {
        let error = Calendar::parse(unknown).unwrap_err();
        assert_eq!(error, UnknownZone(unknown.to_owned()));
        assert!(error.to_string().contains("Europe/Berlin"), "{error}");
    }
}

/// Offsets from the zones' own rules: winter +1 and summer +2 in Berlin, +5:45 in Kathmandu, +10:30 and +11 on Lord Howe.
#[test]
fn months_begin_at_midnight_of_the_zone_in_summer_and_in_winter() {
    for (zone, month, start, end) in [
        ("Europe/Berlin", "2026-10", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"),
        ("Europe/Berlin", "2026-02", "2026-01-31T23:00:00Z", "2026-02-28T23:00:00Z"),
        ("Asia/Kathmandu", "2026-01", "2025-12-31T18:15:00Z", "2026-01-31T18:15:00Z"),
        ("Australia/Lord_Howe", "2026-04", "2026-03-31T13:00:00Z", "2026-04-30T13:30:00Z"),
        ("America/New_York", "2026-11", "2026-11-01T04:00:00Z", "2026-12-01T05:00:00Z"),
    ] {
        let window = Calendar::parse(zone).unwrap().window_of(period(month));
        assert_eq!((window.start(), window.end()), (at(start), at(end)), "{zone} {month}");
    }
}

/// Samoa left out 2011-12-30, so its December had 30 days.
#[test]
fn a_month_that_leaves_a_day_out_is_shorter() {
    let apia = Calendar::parse("Pacific/Apia").unwrap();
    let window = apia.window_of(period("2011-12"));
    assert_eq!(window.end().seconds() - window.start().seconds(), 30 * 86_400);
    assert_eq!(apia.period_of(at("2011-12-30T10:00:00Z")), period("2011-12"));
}

#[test]
fn numbers_of_periods_are_theirs_alone() {
    assert_eq!((period("0001-01").number(), period("2026-01").number()), (12, 2026 * 12));
    for bad in [11, 0, -1, i32::MIN, i32::MAX, 9_999 * 12] {
        assert_eq!(Period::from_number(bad), None, "{bad}");
    }
    assert_eq!(Period::from_number(9_998 * 12 + 11), Some(period("9998-12")));
}

proptest! {
    #[test]
    fn a_window_is_what_jiff_says_it_is(zone in prop::sample::select(ZONES.to_vec()), year in 1_971_i16..2_200, month in 1_i8..=12) {
        let calendar = Calendar::parse(zone).unwrap();
        let window = calendar.window_of(Period::new(year, month).unwrap());
        let zone = TimeZone::get(zone).unwrap();
        let first = date(year, month, 1);
        let next = first.checked_add(jiff::Span::new().months(1)).unwrap();
        let start_of = |day: jiff::civil::Date| Timestamp::from_jiff(day.to_zoned(zone.clone()).unwrap().timestamp());
        prop_assert_eq!((window.start(), window.end()), (start_of(first), start_of(next)));
    }

    #[test]
    fn months_follow_each_other_without_a_gap(zone in prop::sample::select(ZONES.to_vec()), number in 1_971 * 12..2_200 * 12) {
        let calendar = Calendar::parse(zone).unwrap();
        let month = Period::from_number(number).unwrap();
        prop_assert_eq!(month.next().number(), number + 1);
        prop_assert!(month < month.next());
        let (window, next) = (calendar.window_of(month), calendar.window_of(month.next()));
        prop_assert_eq!(window.end(), next.start());
        prop_assert_eq!(calendar.period_of(window.start()), month);
        prop_assert_eq!(calendar.period_of(Timestamp::from_nanos(window.end().nanos() - 1)), month);
        prop_assert_eq!(Period::parse(&month.to_string()), Some(month));
    }

    #[test]
    fn no_text_panics(text in ".{0,40}") {
        let _ = (Period::parse(&text), Calendar::parse(&text));
    }
}
