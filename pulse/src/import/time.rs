//! Times as files spell them, and moving them by whole days.

use domain::port::Clock;
use domain::time::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use std::str::FromStr;

const SECONDS_PER_DAY: i64 = 86_400;

/// Reads a time with or without zone (then UTC), with a space or a `T`, down to nanoseconds.
pub fn parse(text: &str) -> Option<Timestamp> {
    if let Ok(instant) = Timestamp::parse(text) {
        return Some(instant);
    }
    let separated = matches!(text.as_bytes().get(10), Some(b'T' | b't' | b' '));
    let zoneless = text.is_ascii()
        && text.bytes().skip(10).all(|byte| !matches!(byte, b'+' | b'-' | b'[' | b'Z' | b'z'));
    if !(separated && zoneless) {
        return None;
    }
    let civil: DateTime = text.parse().ok()?;
    let zoned = civil.to_zoned(TimeZone::UTC).ok()?;
    Some(Timestamp::from_jiff(zoned.timestamp()))
}

/// The value of a flag that is an instant.
pub fn of_flag(text: &str) -> Result<Timestamp, String> {
    parse(text).ok_or_else(|| "must be a time such as 2026-01-31T10:15:00Z".to_owned())
}

/// The day the newest row shall have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShiftTo {
    /// The UTC day of that many days since the epoch.
    Day(i64),
    /// The UTC day that many days before today.
    DaysAgo(i64),
}

impl FromStr for ShiftTo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let date = || text.parse::<Date>().ok().filter(|_| text.len() == 10)?.to_zoned(TimeZone::UTC).ok();
        match text {
            "today" => Ok(Self::DaysAgo(0)),
            "yesterday" => Ok(Self::DaysAgo(1)),
            _ => match parse(text).or_else(|| date().map(|day| Timestamp::from_jiff(day.timestamp()))) {
                Some(time) => Ok(Self::Day(time.day())),
                None => Err("must be a time, a date, `today` or `yesterday`".to_owned()),
            },
        }
    }
}

impl ShiftTo {
    /// How many days every time moves so that `newest` falls on the day.
    pub fn days_from(self, newest: Timestamp, clock: &dyn Clock) -> i64 {
        let day = match self {
            Self::Day(day) => day,
            Self::DaysAgo(days) => clock.now().day() - days,
        };
        day - newest.day()
    }
}

/// Later by whole days.
pub fn shift(time: Timestamp, days: i64) -> Timestamp {
    time.plus_seconds(days.saturating_mul(SECONDS_PER_DAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct At(Timestamp);
    impl Clock for At {
        fn now(&self) -> Timestamp {
            self.0
        }
    }

    /// 1700158546 is 2023-11-16T18:15:46Z, by `date -u -d @1700158546`.
    #[test]
    fn every_spelling_of_one_instant_is_that_instant() {
        let expected = Timestamp::from_nanos(1_700_158_546_680_590_000);
        for text in [
            "2023-11-16 18:15:46.6805900",
            "2023-11-16T18:15:46.68059",
            "2023-11-16T18:15:46.680590000Z",
            "2023-11-16 19:15:46.68059+01:00",
            "2023-11-16t18:15:46.68059z",
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
        for bad in [
            "",
            "2023-11-16",
            "18:15:46",
            "2023-11-16 18:15:46 Berlin",
            "2023-11-16T18:15:46[Europe/Berlin]",
            "1700158546",
            "2023-02-30 00:00:00",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_newest_row_lands_on_the_day_and_keeps_its_time_of_day() {
        let newest = parse("2023-11-16 19:14:19.9280160").unwrap();
        let today = At(parse("2026-03-02 00:00:01").unwrap());
        for (text, expected) in [
            ("yesterday", "2026-03-01T19:14:19.928016Z"),
            ("today", "2026-03-02T19:14:19.928016Z"),
            ("2026-01-05", "2026-01-05T19:14:19.928016Z"),
            ("2026-01-05T23:59:59Z", "2026-01-05T19:14:19.928016Z"),
            ("2020-01-01 00:00:00", "2020-01-01T19:14:19.928016Z"),
        ] {
            let days = text.parse::<ShiftTo>().unwrap().days_from(newest, &today);
            assert_eq!(shift(newest, days).to_string(), expected, "{text}");
        }
        assert!("tomorrow-ish".parse::<ShiftTo>().is_err());
    }
}
