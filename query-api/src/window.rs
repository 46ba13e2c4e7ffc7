//! Windows: a range cut into quarters, hours, days or months as a time zone has them.

use crate::range::round_up;
use domain::calendar::Calendar;
use domain::time::{Quarter, Timestamp, Window};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// How long a window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
pub enum WindowSize {
    /// A quarter of an hour.
    #[serde(rename = "PT15M")]
    QuarterHour,
    /// An hour.
    #[serde(rename = "PT1H")]
    Hour,
    /// A day of the time zone.
    #[serde(rename = "P1D")]
    Day,
    /// A month of the time zone.
    #[serde(rename = "P1M")]
    Month,
}

/// A range cut into windows: they are aligned in the time zone, tile the range and lie on quarters of an hour.
#[derive(Clone, Debug)]
pub struct Grid {
    range: Window,
    size: Option<WindowSize>,
    zone: TimeZone,
}

impl Grid {
    /// Cuts `range`; without a size it is one window.
    pub fn new(range: Window, size: Option<WindowSize>, calendar: &Calendar) -> Self {
        Self { range, size, zone: calendar.zone().clone() }
    }

    /// What is cut.
    pub fn range(&self) -> &Window {
        &self.range
    }

    /// The window a quarter of an hour lies in; `None`: it lies outside the range.
    pub fn window_of(&self, quarter: Quarter) -> Option<Window> {
        let instant = quarter.start();
        if !self.range.contains(instant) {
            return None;
        }
        let whole = match self.size {
            None => return Some(self.range),
            Some(WindowSize::QuarterHour) => Window::new(instant, Quarter(quarter.0 + 1).start()),
            Some(WindowSize::Hour) => self.hour_of(instant),
            Some(WindowSize::Day) => self.span_of(instant, day_start, Date::tomorrow),
            Some(WindowSize::Month) => self.span_of(instant, month_start, next_month),
        };
        whole.and_then(|whole| whole.intersection(&self.range))
    }

    /// The hour as clocks show it. Where the clock jumps, the hour ends: a repeated hour is two windows.
    fn hour_of(&self, instant: Timestamp) -> Option<Window> {
        let at = instant.to_jiff();
        let offset = i64::from(self.zone.to_offset(at).seconds());
        let local_hour = (instant.seconds() + offset).div_euclid(3_600);
        let start = Timestamp::from_seconds(local_hour * 3_600 - offset);
        let jump_before = self.zone.preceding(at + jiff::SignedDuration::from_nanos(1)).next();
        let jump_after = self.zone.following(at).next();
        let jumped = |jump: jiff::tz::TimeZoneTransition<'_>| Timestamp::from_jiff(jump.timestamp());
        let start = jump_before.map_or(start, |jump| start.max(jumped(jump)));
        let end = Timestamp::from_seconds((local_hour + 1) * 3_600 - offset);
        let end = jump_after.map_or(end, |jump| end.min(jumped(jump)));
        Window::new(round_up(start), round_up(end))
    }

    /// The days from one `start` to the next that hold the instant.
    fn span_of(
        &self,
        instant: Timestamp,
        start: fn(Date) -> Date,
        next: fn(Date) -> Result<Date, jiff::Error>,
    ) -> Option<Window> {
        let first = start(self.zone.to_datetime(instant.to_jiff()).date());
        let second = next(first).ok()?;
        let (begin, end) = (self.midnight(first), self.midnight(second));
        if instant < end {
            return Window::new(begin, end);
        }
        // The clock was put back over midnight: the new day has begun already.
        Window::new(end, self.midnight(next(second).ok()?))
    }

    fn midnight(&self, date: Date) -> Timestamp {
        let instant = self.zone.to_ambiguous_timestamp(date.to_datetime(Time::midnight())).compatible();
        instant.map_or(Timestamp::MAX, |instant| round_up(Timestamp::from_jiff(instant)))
    }
}

/// The windows of a grid, each worked out once: rows ask for the same few again and again.
#[derive(Clone, Debug)]
pub struct Windows<'a> {
    grid: &'a Grid,
    known: BTreeMap<Timestamp, Window>,
}

impl<'a> Windows<'a> {
    /// None is known yet.
    pub fn new(grid: &'a Grid) -> Self {
        Self { grid, known: BTreeMap::new() }
    }

    /// What [`Grid::window_of`] says.
    pub fn of(&mut self, quarter: Quarter) -> Option<Window> {
        let instant = quarter.start();
        let nearest = self.known.range(..=instant).next_back().map(|(_, window)| *window);
        if let Some(window) = nearest.filter(|window| window.contains(instant)) {
            return Some(window);
        }
        let window = self.grid.window_of(quarter)?;
        self.known.insert(window.start(), window);
        Some(window)
    }
}

fn day_start(date: Date) -> Date {
    date
}

fn month_start(date: Date) -> Date {
    date.first_of_month()
}

fn next_month(first: Date) -> Result<Date, jiff::Error> {
    first.last_of_month().tomorrow()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn grid(start: &str, end: &str, size: WindowSize, zone: &str) -> Grid {
        Grid::new(Window::new(at(start), at(end)).unwrap(), Some(size), &Calendar::parse(zone).unwrap())
    }

    fn starts(grid: &Grid) -> Vec<String> {
        windows(grid).iter().map(|window| window.start().to_string()).collect()
    }

    fn windows(grid: &Grid) -> Vec<Window> {
        let mut all = Vec::new();
        let mut instant = grid.range().start();
        while let Some(window) = grid.window_of(instant.quarter()) {
            instant = window.end();
            all.push(window);
        }
        all
    }

    #[test]
    fn the_repeated_hour_is_two_windows_and_the_skipped_one_none() {
        let autumn = grid("2026-10-25T00:00:00Z", "2026-10-25T03:00:00Z", WindowSize::Hour, "Europe/Berlin");
        assert_eq!(starts(&autumn), ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"]);
        let spring = grid("2026-03-29T00:00:00Z", "2026-03-29T03:00:00Z", WindowSize::Hour, "Europe/Berlin");
        assert_eq!(windows(&spring).len(), 3);
    }

    #[test]
    fn days_have_the_length_the_zone_gives_them() {
        let days = grid("2026-10-24T00:00:00Z", "2026-10-27T00:00:00Z", WindowSize::Day, "Europe/Berlin");
        let expected =
            ["2026-10-24T00:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", "2026-10-26T23:00:00Z"];
        assert_eq!(starts(&days), expected);
        let long = windows(&days)[1];
        assert_eq!(long.end().seconds() - long.start().seconds(), 25 * 3_600);
    }

    #[test]
    fn hours_of_a_zone_begin_on_its_own_clock() {
        let hours = grid("2026-01-01T00:00:00Z", "2026-01-01T02:00:00Z", WindowSize::Hour, "Asia/Kathmandu");
        assert_eq!(starts(&hours), ["2026-01-01T00:00:00Z", "2026-01-01T00:15:00Z", "2026-01-01T01:15:00Z"]);
        let half =
            grid("2026-04-04T14:00:00Z", "2026-04-04T16:00:00Z", WindowSize::Hour, "Australia/Lord_Howe");
        assert_eq!(starts(&half), ["2026-04-04T14:00:00Z", "2026-04-04T15:00:00Z", "2026-04-04T15:30:00Z"]);
    }

    #[test]
    fn months_begin_at_the_zones_midnight_and_a_skipped_day_is_none() {
        let months =
            grid("2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z", WindowSize::Month, "America/New_York");
        assert_eq!(starts(&months), ["2026-01-01T00:00:00Z", "2026-01-01T05:00:00Z", "2026-02-01T05:00:00Z"]);
        let apia = grid("2011-12-29T10:00:00Z", "2011-12-31T10:00:00Z", WindowSize::Day, "Pacific/Apia");
        assert_eq!(starts(&apia), ["2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"]);
    }

    #[test]
    fn a_clock_put_back_over_midnight_does_not_reopen_the_day() {
        let days = grid("2009-10-31T02:30:00Z", "2009-11-02T03:30:00Z", WindowSize::Day, "America/St_Johns");
        assert_eq!(starts(&days), ["2009-10-31T02:30:00Z", "2009-11-01T02:30:00Z"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn windows_tile_the_range(
            start in 0_i64..2_500_000,
            quarters in 1_i64..3_000,
            size in prop::sample::select(vec![WindowSize::QuarterHour, WindowSize::Hour, WindowSize::Day, WindowSize::Month]),
            zone in prop::sample::select(vec![
                "UTC", "Asia/Kathmandu", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia",
                "America/Sao_Paulo", "Africa/Monrovia", "America/Havana",
            ]),
        ) {
            let range = Window::new(Quarter(start).start(), Quarter(start + quarters).start()).unwrap();
            let grid = Grid::new(range, Some(size), &Calendar::parse(zone).unwrap());
            let all = windows(&grid);
            prop_assert_eq!(all.first().unwrap().start(), range.start());
            prop_assert_eq!(all.last().unwrap().end(), range.end());
            let mut known = Windows::new(&grid);
            for window in &all {
                prop_assert!(window.start().is_on_quarter());
                let mut quarter = window.start().quarter();
                while quarter.start() < window.end() {
                    prop_assert_eq!(grid.window_of(quarter), Some(*window));
                    prop_assert_eq!(known.of(quarter), Some(*window));
                    quarter = Quarter(quarter.0 + 1);
                }
            }
            prop_assert_eq!(grid.window_of(Quarter(start + quarters)), None);
            for outside in [start - 1, start + quarters] {
                prop_assert_eq!(known.of(Quarter(outside)), None);
            }
        }
    }
}
