//! Billing calendars: months of an IANA time zone.

use crate::time::{Timestamp, Window};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::fmt;
use std::sync::Arc;

/// A month of a billing calendar: what a bill covers. Written `2026-01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    year: i16,
    month: i8,
}

impl Period {
    /// That month, of the years 1 to 9998.
    pub fn new(year: i16, month: i8) -> Option<Self> {
        let valid = (1..=9998).contains(&year) && (1..=12).contains(&month);
        valid.then_some(Self { year, month })
    }

    /// Reads `2026-01`.
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let shaped = year.len() == 4 && month.len() == 2 && digits(year) && digits(month);
        if !shaped {
            return None;
        }
        Self::new(year.parse().ok()?, month.parse().ok()?)
    }

    /// The month after it.
    #[must_use]
    pub fn next(self) -> Self {
        match self.month {
            12 => Self { year: self.year + 1, month: 1 },
            month => Self { month: month + 1, ..self },
        }
    }

    /// Months since year 0, for compact storage.
    pub fn number(self) -> i32 {
        i32::from(self.year) * 12 + i32::from(self.month) - 1
    }

    /// The month of that [`Self::number`].
    pub fn from_number(number: i32) -> Option<Self> {
        let month = i8::try_from(number.rem_euclid(12) + 1).ok()?;
        Self::new(i16::try_from(number.div_euclid(12)).ok()?, month)
    }

    fn first_day(self) -> Date {
        Date::new(self.year, self.month, 1).expect("a period is a month of the years 1 to 9999")
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// The months of one IANA time zone, which decide the period a pulse is billed in.
#[derive(Clone, Debug)]
pub struct Calendar {
    name: Arc<str>,
    zone: TimeZone,
}

/// A name that no time zone has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no time zone is named {0:?}: use an IANA name such as Europe/Berlin")]
pub struct UnknownZone(pub String);

impl Calendar {
    /// The calendar of UTC.
    pub fn utc() -> Self {
        Self { name: "UTC".into(), zone: TimeZone::UTC }
    }

    /// The calendar of that zone; the names of jiff's own copy of the time zone database.
    pub fn parse(name: &str) -> Result<Self, UnknownZone> {
        if name == "UTC" {
            return Ok(Self::utc());
        }
        let zone = jiff::tz::db().get(name).map_err(|_| UnknownZone(name.to_owned()))?;
        let canonical = zone.iana_name().ok_or_else(|| UnknownZone(name.to_owned()))?;
        Ok(Self { name: canonical.into(), zone: zone.clone() })
    }

    /// The zone's IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The zone, for windows aligned in it.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The month the instant lies in.
    pub fn period_of(&self, instant: Timestamp) -> Period {
        let date = self.zone.to_datetime(instant.to_jiff()).date();
        let local = Period { year: date.year(), month: date.month() };
        // A clock put back over midnight shows the old month again after the new one has begun.
        if self.start_of(local.next()) <= instant { local.next() } else { local }
    }

    /// From the month's first instant to the next month's. A month beyond the years of an instant is the first or the
    /// last nanosecond of them.
    pub fn window_of(&self, period: Period) -> Window {
        let start = self.start_of(period).min(Timestamp::from_nanos(i64::MAX - 1));
        let end = self.start_of(period.next()).max(Timestamp::from_nanos(start.nanos() + 1));
        Window::new(start, end).expect("a month begins before the next one")
    }

    fn start_of(&self, period: Period) -> Timestamp {
        let midnight = period.first_day().to_datetime(jiff::civil::Time::midnight());
        let zoned = self.zone.to_ambiguous_timestamp(midnight).compatible();
        zoned.map_or(Timestamp::MAX, Timestamp::from_jiff)
    }
}

impl PartialEq for Calendar {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Calendar {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn months_begin_at_the_zones_own_midnight() {
        let kolkata = Calendar::parse("Asia/Kolkata").unwrap();
        let window = kolkata.window_of(Period::parse("2026-01").unwrap());
        assert_eq!(window.start(), at("2025-12-31T18:30:00Z"));
        assert_eq!(window.end(), at("2026-01-31T18:30:00Z"));
        let berlin = Calendar::parse("Europe/Berlin").unwrap();
        let march = berlin.window_of(Period::parse("2026-03").unwrap());
        assert_eq!((march.start(), march.end()), (at("2026-02-28T23:00:00Z"), at("2026-03-31T22:00:00Z")));
        assert_eq!(berlin.period_of(at("2026-02-28T23:00:00Z")).to_string(), "2026-03");
    }

    #[test]
    fn periods_read_print_and_follow_each_other() {
        assert_eq!(Period::parse("2026-12").unwrap().next().to_string(), "2027-01");
        for bad in ["2026-13", "2026-00", "26-01", "2026-1", "2026", "2026-01-01", "+026-01"] {
            assert_eq!(Period::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_clock_put_back_over_midnight_does_not_reopen_the_month() {
        let calendar = Calendar::parse("America/St_Johns").unwrap();
        let november = Period::parse("2009-11").unwrap();
        let start = calendar.window_of(november).start();
        assert_eq!(start, at("2009-11-01T02:30:00Z"));
        let again_october = at("2009-11-01T02:45:00Z");
        assert_eq!(calendar.zone().to_datetime(again_october.to_jiff()).month(), 10);
        assert_eq!(calendar.period_of(again_october), november);
    }

    #[test]
    fn a_zone_that_does_not_exist_is_named() {
        assert_eq!(Calendar::parse("Mars/Olympus"), Err(UnknownZone("Mars/Olympus".into())));
    }

    #[test]
    fn every_instant_and_every_month_has_a_window() {
        for calendar in [Calendar::utc(), Calendar::parse("Pacific/Apia").unwrap()] {
            for instant in [i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX].map(Timestamp::from_nanos) {
                calendar.window_of(calendar.period_of(instant));
            }
            for month in ["0001-01", "1677-09", "2262-04", "2262-05", "9998-12"] {
                calendar.window_of(Period::parse(month).unwrap());
            }
        }
    }

    proptest! {
        #[test]
        fn an_instant_lies_in_its_own_period(seconds in -2_000_000_000_i64..4_000_000_000, zone in prop::sample::select(vec!["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Apia", "Asia/Kathmandu"])) {
            let calendar = Calendar::parse(zone).unwrap();
            let instant = Timestamp::from_seconds(seconds);
            let period = calendar.period_of(instant);
            prop_assert!(calendar.window_of(period).contains(instant));
            prop_assert_eq!(Period::from_number(period.number()), Some(period));
        }
    }
}
