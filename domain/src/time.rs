//! Instants and half-open spans of time, in UTC.

use std::fmt;
use std::time::Duration;

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// An instant: nanoseconds since 1970-01-01T00:00:00Z, good for the years 1677 to 2262.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text that is no instant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an RFC 3339 time such as 2026-01-31T10:15:00Z")]
pub struct TimeError;

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// The last instant there is.
    pub const MAX: Self = Self(i64::MAX);

    /// The instant that many nanoseconds after the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the epoch.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The instant that many milliseconds after the epoch, cut to what an instant can be.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Milliseconds since the epoch, rounded down.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Microseconds since the epoch, rounded down: what write timestamps that are times count.
    pub const fn micros(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// The instant that many seconds after the epoch, cut to what an instant can be.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(NANOS_PER_SECOND))
    }

    /// Seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(NANOS_PER_SECOND)
    }

    /// Nanoseconds past [`Self::seconds`].
    pub const fn subsecond_nanos(self) -> i64 {
        self.0.rem_euclid(NANOS_PER_SECOND)
    }

    /// The time since an earlier instant; none where that is later, for a clock may go back.
    pub fn since(self, earlier: Self) -> Duration {
        let nanos = self.0.saturating_sub(earlier.0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
    }

    /// From a protobuf timestamp, cut to what an instant can be. `None`: it breaks protobuf's own rule.
    pub fn from_unix(seconds: i64, nanos: i32) -> Option<Self> {
        const YEAR_1: i64 = -62_135_596_800;
        const YEAR_10000: i64 = 253_402_300_800;
        let valid = (YEAR_1..YEAR_10000).contains(&seconds) && (0..1_000_000_000).contains(&nanos);
        let total = i128::from(seconds) * i128::from(NANOS_PER_SECOND) + i128::from(nanos);
        valid.then(|| Self::cut(total))
    }

    /// Reads RFC 3339; an instant beyond the years an instant can be is cut to them.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        if !text.is_ascii()
            || !matches!(text.as_bytes().get(10), Some(b'T' | b't' | b' '))
            || text.contains('[')
        {
            return Err(TimeError);
        }
        let instant: jiff::Timestamp = text.parse().map_err(|_| TimeError)?;
        Ok(Self::from_jiff(instant))
    }

    /// This instant in the library's type, for calendars.
    pub fn to_jiff(self) -> jiff::Timestamp {
        let instant = jiff::Timestamp::from_nanosecond(i128::from(self.0));
        instant.expect("the years 1677 to 2262 lie within those of jiff")
    }

    /// From the library's type, cut to what an instant can be.
    pub fn from_jiff(instant: jiff::Timestamp) -> Self {
        Self::cut(instant.as_nanosecond())
    }

    fn cut(nanos: i128) -> Self {
        let nanos = nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        Self(i64::try_from(nanos).expect("it was cut to 64 bits"))
    }

    /// Later by that many seconds, cut to what an instant can be.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(NANOS_PER_SECOND)))
    }

    /// The minute it lies in.
    pub const fn minute(self) -> i64 {
        self.0.div_euclid(60 * NANOS_PER_SECOND)
    }

    /// The quarter of an hour it lies in.
    pub const fn quarter(self) -> Quarter {
        Quarter(self.0.div_euclid(900 * NANOS_PER_SECOND))
    }

    /// The UTC hour it lies in, counted from the epoch.
    pub const fn hour(self) -> i64 {
        self.0.div_euclid(3_600 * NANOS_PER_SECOND)
    }

    /// The UTC day it lies in, counted from the epoch.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(86_400 * NANOS_PER_SECOND)
    }

    /// Whether it falls on a quarter of an hour.
    pub const fn is_on_quarter(self) -> bool {
        self.0.rem_euclid(900 * NANOS_PER_SECOND) == 0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_jiff().fmt(f)
    }
}

/// A quarter of an hour, counted from the epoch: the finest span that usage is summed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quarter(pub i64);

impl Quarter {
    /// The instant it begins.
    pub const fn start(self) -> Timestamp {
        Timestamp::from_seconds(self.0.saturating_mul(900))
    }

    /// The UTC hour it lies in.
    pub const fn hour(self) -> i64 {
        self.0.div_euclid(4)
    }

    /// Which quarter of its hour it is, 0 to 3.
    pub fn index(self) -> usize {
        usize::try_from(self.0.rem_euclid(4)).expect("a remainder by four is 0 to 3")
    }

    /// That quarter of that hour.
    pub fn of_hour(hour: i64, index: usize) -> Self {
        Self(hour * 4 + i64::try_from(index).expect("an index of a quarter is 0 to 3"))
    }
}

/// A half-open span of time: its start belongs to it, its end does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    start: Timestamp,
    end: Timestamp,
}

impl Window {
    /// `None`: it would be empty or run backwards.
    pub fn new(start: Timestamp, end: Timestamp) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    /// The first instant within.
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// The first instant after it.
    pub const fn end(&self) -> Timestamp {
        self.end
    }

    /// Whether the instant lies within.
    pub fn contains(&self, instant: Timestamp) -> bool {
        self.start <= instant && instant < self.end
    }

    /// What both have in common.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        Self::new(self.start.max(other.start), self.end.min(other.end))
    }

    /// The UTC days it touches.
    pub fn days(&self) -> std::ops::RangeInclusive<i64> {
        self.start.day()..=Timestamp(self.end.0 - 1).day()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn instants_read_and_print() {
        assert_eq!(at("2023-11-16T18:15:46.6805900Z").to_string(), "2023-11-16T18:15:46.68059Z");
        assert_eq!(at("2026-01-01T01:30:00+05:30").to_string(), "2025-12-31T20:00:00Z");
        for bad in
            ["", "2026-01-01", "2026-01-01T00:00:00", "20260101T000000Z", "yesterday", "2026-02-30T00:00:00Z"]
        {
            assert_eq!(Timestamp::parse(bad), Err(TimeError), "{bad}");
        }
    }

    #[test]
    fn spans_of_the_calendar_hold_their_start_and_not_their_end() {
        let instant = at("2026-03-04T10:44:59.999999999Z");
        assert_eq!(instant.quarter().start(), at("2026-03-04T10:30:00Z"));
        assert_eq!(instant.quarter().index(), 2);
        assert_eq!(at("2026-03-04T10:45:00Z").quarter().index(), 3);
        assert_eq!(at("1969-12-31T23:59:59Z").minute(), -1);
        let day = Window::new(at("2026-03-04T00:00:00Z"), at("2026-03-05T00:00:00Z")).unwrap();
        assert!(day.contains(instant) && !day.contains(day.end()));
        assert_eq!(day.days(), day.start().day()..=day.start().day());
        assert_eq!(Window::new(instant, instant), None);
    }

    #[test]
    fn protobuf_timestamps_beyond_their_rule_are_none() {
        assert_eq!(Timestamp::from_unix(0, 1_000_000_000), None);
        assert_eq!(Timestamp::from_unix(0, -1), None);
        assert_eq!(Timestamp::from_unix(i64::MAX, 0), None);
        assert_eq!(Timestamp::from_unix(253_402_300_799, 0), Some(Timestamp::MAX));
    }

    proptest! {
        #[test]
        fn an_instant_reads_back_from_its_text(nanos in any::<i64>()) {
            let instant = Timestamp::from_nanos(nanos);
            prop_assert_eq!(Timestamp::parse(&instant.to_string()), Ok(instant));
        }

        #[test]
        fn no_text_panics(text in ".{0,60}") {
            let _ = Timestamp::parse(&text);
        }
    }
}
