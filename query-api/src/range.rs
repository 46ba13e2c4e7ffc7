//! Ranges of time as they are asked for: instants, spans back from now, or a period.

use domain::calendar::{Calendar, Period};
use domain::code::Code;
use domain::time::{Quarter, Timestamp, Window};
use rest::Problem;

/// The longest range of one question.
const DAYS_MAX: i64 = 3_660;
const SECONDS_PER_DAY: i64 = 86_400;
/// The years that instants hold whole: 1678 to 2261.
const FIRST: Timestamp = Timestamp::from_seconds(-9_214_560_000);
const LAST: Timestamp = Timestamp::from_seconds(9_214_646_400);

/// The parameters `from`, `to` and `period`.
#[derive(Clone, Copy, Debug, Default)]
pub struct RangeText<'a> {
    /// An instant or `-24h`; the month's start where absent.
    pub from: Option<&'a str>,
    /// An instant or `-24h`; now, rounded up to the quarter, where absent.
    pub to: Option<&'a str>,
    /// `2026-01`, `month` or `last-month`, instead of both.
    pub period: Option<&'a str>,
}

/// The range meant, on quarters of an hour; months are those of `calendar`.
pub fn resolve(text: RangeText<'_>, calendar: &Calendar, now: Timestamp) -> Result<Window, Problem> {
    if let Some(period) = text.period {
        if text.from.is_some() || text.to.is_some() {
            return Err(refuse("period", "replaces from and to: give one or the others"));
        }
        return Ok(calendar.window_of(parse_period(period, calendar.period_of(now))?));
    }
    let month = calendar.window_of(calendar.period_of(now)).start();
    let from = text.from.map_or(Ok(month), |text| parse_instant("from", text, now))?;
    let to = match text.to {
        Some(text) => parse_instant("to", text, now)?,
        None => now_after(from, now),
    };
    let range = Window::new(from, to).ok_or_else(|| refuse("to", "must be after from; absent, it is now"))?;
    let days = range.days();
    if days.end() - days.start() > DAYS_MAX {
        return Err(refuse("to", "must be at most 3660 days after from"));
    }
    Ok(range)
}

/// Now, rounded up to the quarter; the quarter that begins now where the range does too.
fn now_after(from: Timestamp, now: Timestamp) -> Timestamp {
    if from == now { round_up(now.plus_seconds(1)) } else { round_up(now) }
}

/// The first quarter of an hour that does not begin before the instant.
pub fn round_up(instant: Timestamp) -> Timestamp {
    let quarter = instant.quarter();
    if instant.is_on_quarter() { instant } else { Quarter(quarter.0 + 1).start() }
}

/// Reads the parameter `period`, where `current` is the month it is now.
pub fn parse_period(text: &str, current: Period) -> Result<Period, Problem> {
    let found = match text {
        "month" => Some(current),
        "last-month" => Period::from_number(current.number() - 1),
        _ => Period::parse(text),
    };
    let rule = "must be a month such as 2026-01, or month, or last-month";
    let period = found.ok_or_else(|| refuse("period", rule))?;
    let counts = Period::new(1678, 1) <= Some(period) && Some(period) <= Period::new(2261, 12);
    if counts { Ok(period) } else { Err(refuse("period", "must lie in the years 1678 to 2261")) }
}

fn parse_instant(field: &str, text: &str, now: Timestamp) -> Result<Timestamp, Problem> {
    if let Some(span) = text.strip_prefix('-') {
        let seconds = parse_span(span);
        let rule = "must be an RFC 3339 time, or a span back from now such as -24h, -90m or -7d";
        return seconds
            .map(|seconds| now.plus_seconds(-seconds).quarter().start())
            .ok_or_else(|| refuse(field, rule));
    }
    let instant = Timestamp::parse(text).map_err(|rule| refuse(field, &rule.to_string()))?;
    if !(FIRST..LAST).contains(&instant) {
        return Err(refuse(field, "must lie in the years 1678 to 2261"));
    }
    if !instant.is_on_quarter() {
        return Err(refuse(field, "must fall on a quarter of an hour"));
    }
    Ok(instant)
}

fn parse_span(text: &str) -> Option<i64> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "m" => 60,
        "h" => 3_600,
        "d" => SECONDS_PER_DAY,
        _ => return None,
    };
    let shaped = (1..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    shaped.then(|| digits.parse::<i64>().ok()).flatten()?.checked_mul(seconds)
}

fn refuse(field: &str, rule: &str) -> Problem {
    Problem::field(Code::InvalidRange, field, rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: &str = "2026-03-10T14:37:12Z";

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn ask(
        from: Option<&str>,
        to: Option<&str>,
        period: Option<&str>,
        zone: &str,
    ) -> Result<(String, String), Problem> {
        let range = resolve(RangeText { from, to, period }, &Calendar::parse(zone).unwrap(), at(NOW))?;
        Ok((range.start().to_string(), range.end().to_string()))
    }

    fn span(start: &str, end: &str) -> (String, String) {
        (start.to_owned(), end.to_owned())
    }

    #[test]
    fn a_range_begins_with_the_month_and_ends_with_this_quarter() {
        let range = ask(None, None, None, "UTC").unwrap();
        assert_eq!(range, span("2026-03-01T00:00:00Z", "2026-03-10T14:45:00Z"));
        let range = ask(None, None, None, "Asia/Kolkata").unwrap();
        assert_eq!(range, span("2026-02-28T18:30:00Z", "2026-03-10T14:45:00Z"));
    }

    #[test]
    fn spans_back_from_now_are_cut_to_the_quarter() {
        let range = ask(Some("-24h"), Some("-90m"), None, "UTC").unwrap();
        assert_eq!(range, span("2026-03-09T14:30:00Z", "2026-03-10T13:00:00Z"));
        assert_eq!(ask(Some("-7d"), None, None, "UTC").unwrap().0, "2026-03-03T14:30:00Z");
    }

    #[test]
    fn periods_are_months_of_the_calendar() {
        let berlin = |period| ask(None, None, Some(period), "Europe/Berlin").unwrap();
        assert_eq!(berlin("2026-03"), span("2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"));
        assert_eq!(berlin("month"), berlin("2026-03"));
        assert_eq!(berlin("last-month"), berlin("2026-02"));
        assert_eq!(berlin("1678-01").0, "1677-12-31T23:06:32Z", "by the sun over Berlin");
        assert_eq!(berlin("2261-12").1, "2261-12-31T23:00:00Z");
    }

    #[test]
    fn what_breaks_a_rule_is_an_invalid_range_by_name() {
        for (from, to, period, field) in [
            (Some("2026-01-01T00:10:00Z"), None, None, "from"),
            (Some("2026-01-01"), None, None, "from"),
            (Some("-24x"), None, None, "from"),
            (Some("-"), None, None, "from"),
            (Some("-1234567h"), None, None, "from"),
            (Some("-é"), None, None, "from"),
            (None, Some("2026-03-01T00:00:00Z"), None, "to"),
            (Some("2026-03-02T00:00:00Z"), Some("2026-03-01T00:00:00Z"), None, "to"),
            (Some("1990-01-01T00:00:00Z"), None, None, "to"),
            (Some("2026-04-01T00:00:00Z"), None, None, "to"),
            (None, None, Some("2026-13"), "period"),
            (None, None, Some("1677-12"), "period"),
            (None, None, Some("2262-01"), "period"),
            (None, None, Some("2826-03"), "period"),
            (Some("-1h"), None, Some("month"), "period"),
        ] {
            let problem = ask(from, to, period, "UTC").unwrap_err();
            assert_eq!(problem.kind().name(), "INVALID_RANGE", "{from:?} {to:?} {period:?}");
            assert_eq!(problem.errors()[0].field, field, "{from:?} {to:?} {period:?}");
        }
    }

    #[test]
    fn a_range_that_begins_now_holds_one_quarter() {
        let now = at("2026-04-01T00:00:00Z");
        let range = resolve(RangeText::default(), &Calendar::utc(), now).unwrap();
        assert_eq!((range.start(), range.end()), (now, at("2026-04-01T00:15:00Z")));
    }

    #[test]
    fn instants_beyond_the_years_that_are_counted_are_refused_as_such() {
        for (from, fits) in [
            ("0001-01-01T00:00:00Z", false),
            ("1677-12-31T23:45:00Z", false),
            ("1678-01-01T00:00:00Z", true),
            ("2261-12-31T23:30:00Z", true),
            ("2262-01-01T00:00:00Z", false),
            ("9999-01-01T00:00:00Z", false),
        ] {
            let refused = |to| ask(Some(from), to, None, "UTC").unwrap_err();
            let years = "from must lie in the years 1678 to 2261";
            assert_eq!(refused(Some("1970-01-01T00:00:00Z")).detail() != years, fits, "{from}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_every_range_is_on_quarters(from in "(-[0-9]{0,7}[mhdx]?|.{0,12})", now in 0_i64..4_000_000_000) {
            let now = Timestamp::from_seconds(now);
            let text = RangeText { from: Some(&from), ..RangeText::default() };
            if let Ok(range) = resolve(text, &Calendar::utc(), now) {
                prop_assert!(range.start().is_on_quarter() && range.end().is_on_quarter());
            }
        }
    }
}
