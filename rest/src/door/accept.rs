//! The formats a client takes: `Accept`, read as RFC 9110 has it.

use axum::http::{HeaderMap, header};

/// What a client takes, by rising precedence of what names a format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Accept(Vec<Range>);

/// `text/*;q=0.5`: which formats, and whether they are taken at all.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Range {
    kind: String,
    format: String,
    taken: bool,
}

impl Accept {
    /// What the headers say; without a readable word about it, everything is taken.
    pub(super) fn of_headers(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
        let mut ranges: Vec<Range> =
            lines.flat_map(|line| line.split(',')).filter_map(Range::parse).collect();
        ranges.sort_by_key(Range::precedence);
        Self(ranges)
    }

    /// Whether the client takes that `Content-Type`.
    pub(super) fn takes(&self, content_type: &str) -> bool {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let Some((kind, format)) = essence.split_once('/') else { return true };
        let closest = self.0.iter().rev().find(|range| range.covers(kind, format));
        self.0.is_empty() || closest.is_some_and(|range| range.taken)
    }
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, format) = parts.next()?.split_once('/')?;
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let is_zero = |weight: &str| weight.bytes().all(|byte| matches!(byte, b'0' | b'.'));
        Some(Self { kind: kind.to_owned(), format: format.to_owned(), taken: !weight.is_some_and(is_zero) })
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn takes_json(lines: &[&'static str]) -> bool {
        let headers = lines.iter().map(|line| (header::ACCEPT, HeaderValue::from_static(line)));
        Accept::of_headers(&headers.collect()).takes("application/json; charset=utf-8")
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
}
