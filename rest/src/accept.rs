//! The formats a client takes: `Accept`, read as RFC 9110 has it.

use axum::http::{HeaderMap, header};

/// A weight, in thousandths.
type Weight = u16;
const WHOLE: Weight = 1_000;

/// What a client takes, by rising precedence of what names a format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accept(Vec<Range>);

/// `text/*;q=0.5`: which formats, and how gladly they are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Range {
    kind: String,
    format: String,
    weight: Weight,
}

impl Accept {
    /// What the headers say; without a readable word about it, everything is taken.
    pub(crate) fn of_headers(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
        let mut ranges: Vec<Range> =
            lines.flat_map(|line| line.split(',')).filter_map(Range::parse).collect();
        ranges.sort_by_key(Range::precedence);
        Self(ranges)
    }

    /// Whether the client takes that `Content-Type`.
    pub(crate) fn takes(&self, content_type: &str) -> bool {
        self.weight(content_type) > 0
    }

    /// The one of the offers that the client takes most gladly; of equals the first.
    pub(crate) fn best<'a>(&self, offers: &[&'a str]) -> Option<&'a str> {
        let taken = offers.iter().rev().filter(|offer| self.takes(offer));
        taken.max_by_key(|offer| self.weight(offer)).copied()
    }

    fn weight(&self, content_type: &str) -> Weight {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let Some((kind, format)) = essence.split_once('/') else { return WHOLE };
        if self.0.is_empty() {
            return WHOLE;
        }
        self.0.iter().rev().find(|range| range.covers(kind, format)).map_or(0, |range| range.weight)
    }
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, format) = parts.next()?.split_once('/')?;
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let weight = weight.and_then(thousandths).unwrap_or(WHOLE);
        Some(Self { kind: kind.to_owned(), format: format.to_owned(), weight })
    }

    /// `*/*`, then `text/*`, then `text/csv`.
    fn precedence(&self) -> u8 {
        u8::from(self.kind != "*") + u8::from(self.format != "*")
    }

    fn covers(&self, kind: &str, format: &str) -> bool {
        let is = |range: &str, value: &str| range == "*" || range.eq_ignore_ascii_case(value);
        is(&self.kind, kind) && is(&self.format, format)
    }
}

/// `0.5` as 500: a digit, and at most three after the point.
fn thousandths(text: &str) -> Option<Weight> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.len() == 1 && part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    let weight = format!("{whole}{part:0<3}").parse().ok().filter(|_| digits)?;
    (weight <= WHOLE).then_some(weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    const OFFERS: [&str; 3] = ["application/json", "text/csv; charset=utf-8", "application/x-ndjson"];

    fn accept(lines: &[&'static str]) -> Accept {
        let headers = lines.iter().map(|line| (header::ACCEPT, HeaderValue::from_static(line)));
        Accept::of_headers(&headers.collect())
    }

    fn takes_json(lines: &[&'static str]) -> bool {
        accept(lines).takes("application/json; charset=utf-8")
    }

    #[test]
    fn a_format_is_taken_where_a_range_covers_it() {
        for lines in [
            &[][..],
            &["*/*"],
            &["application/*"],
            &["Application/JSON"],
            &["text/html, application/xhtml+xml, */*;q=0.8"],
            &["text/csv;q=1.0,application/json;q=0.001"],
            &["text/csv", "application/json"],
            &[""],
            &["no range at all"],
        ] {
            assert!(takes_json(lines), "{lines:?}");
        }
        for lines in [&["text/csv"][..], &["text/*, application/xml"], &["application/json;q=0"]] {
            assert!(!takes_json(lines), "{lines:?}");
        }
    }

    #[test]
    fn the_closest_range_decides() {
        assert!(!takes_json(&["application/json;q=0.0, */*"]));
        assert!(!takes_json(&["*/*, application/*; q=0.000"]));
        assert!(takes_json(&["*/*;q=0, application/json"]));
    }

    #[test]
    fn the_heaviest_of_the_offers_is_answered_and_of_equals_the_first() {
        for (line, best) in [
            ("*/*", Some(OFFERS[0])),
            ("text/csv", Some(OFFERS[1])),
            ("text/*", Some(OFFERS[1])),
            ("application/*", Some(OFFERS[0])),
            ("application/x-ndjson, application/json", Some(OFFERS[0])),
            ("application/json;q=0.5, text/csv;q=0.9", Some(OFFERS[1])),
            ("application/json;q=0.5, text/csv;q=0.51, application/x-ndjson;q=0.505", Some(OFFERS[1])),
            ("text/csv;q=0, */*;q=0.1", Some(OFFERS[0])),
            ("application/json;q=0, */*;q=0.1", Some(OFFERS[1])),
            ("application/xml", None),
            ("*/*;q=0", None),
        ] {
            assert_eq!(accept(&[line]).best(&OFFERS), best, "{line}");
        }
        assert_eq!(accept(&[]).best(&OFFERS), Some(OFFERS[0]));
    }

    #[test]
    fn a_weight_has_three_places_and_is_at_most_one() {
        for (text, weight) in [
            ("1", Some(1_000)),
            ("0", Some(0)),
            ("0.5", Some(500)),
            ("0.05", Some(50)),
            ("0.125", Some(125)),
            ("1.000", Some(1_000)),
            ("1.", Some(1_000)),
            ("1.001", None),
            ("2", None),
            ("0.1234", None),
            ("0.0123", None),
            ("-1", None),
            (".5", None),
            ("half", None),
            ("", None),
        ] {
            assert_eq!(thousandths(text), weight, "{text}");
        }
    }
}
