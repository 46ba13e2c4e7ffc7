//! What a body is said to be: its format and its compression.

use super::{cloud_event, json};
use crate::intake::Report;
use crate::not_taken::NotTaken;
use axum::http::{HeaderMap, HeaderName, header};
use rest::Problem;
use rest::problem::Kind;

/// The formats of pulses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// One JSON object, or an object that lists them.
    Json,
    /// A JSON object a line.
    Lines,
    /// A `CloudEvent` as a JSON object.
    Event,
    /// A JSON array of CloudEvents.
    Events,
    /// The data of a `CloudEvent`, whose attributes are headers.
    EventData,
}

/// The compressions of bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// None.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Format {
    /// The format that the headers name.
    pub fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let media_type = word(headers, &header::CONTENT_TYPE)?;
        let is_event = headers.contains_key(cloud_event::SPEC_VERSION);
        match media_type.as_str() {
            "application/cloudevents+json" => Ok(Self::Event),
            "application/cloudevents-batch+json" => Ok(Self::Events),
            // What the data is said to be matters less than what it is: clients that do not say it call it a form.
            _ if is_event => Ok(Self::EventData),
            "application/json" => Ok(Self::Json),
            "application/x-ndjson" | "application/ndjson" => Ok(Self::Lines),
            _ => Err(unsupported(
                "content-type must be application/json, application/x-ndjson, application/cloudevents+json or \
                 application/cloudevents-batch+json",
            )),
        }
    }

    /// The reports in a body of that format.
    pub fn read(self, headers: &HeaderMap, text: &str) -> Result<Vec<Report>, NotTaken> {
        match self {
            Self::Json => json::document(text),
            Self::Lines => json::lines(text),
            Self::Event => cloud_event::document(text),
            Self::Events => cloud_event::batch(text),
            Self::EventData => Ok(vec![cloud_event::of_headers(headers, text)]),
        }
    }
}

impl Encoding {
    /// The compression that the headers name.
    pub fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        match word(headers, &header::CONTENT_ENCODING)?.as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            _ => Err(unsupported("content-encoding must be gzip, zstd or identity")),
        }
    }
}

/// What a header says before its parameters, in lower case; nothing where it is absent.
fn word(headers: &HeaderMap, name: &HeaderName) -> Result<String, Problem> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        let is_absent = !headers.contains_key(name);
        return is_absent.then(String::new).ok_or_else(|| unsupported(format!("{name} must be given once")));
    };
    let text = value.to_str().map_err(|_| unsupported(format!("{name} must be ASCII")))?;
    let essence = text.split(';').next().unwrap_or_default();
    Ok(essence.trim().to_ascii_lowercase())
}

fn unsupported(detail: impl Into<String>) -> Problem {
    Problem::new(Kind::UnsupportedMediaType, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    fn format(pairs: &[(&'static str, &'static str)]) -> Option<Format> {
        Format::of(&headers(pairs)).inspect_err(|problem| assert_eq!(problem.kind().status(), 415)).ok()
    }

    #[test]
    fn a_format_is_named_by_its_media_type() {
        for (media_type, expected) in [
            ("application/json", Some(Format::Json)),
            ("Application/JSON; charset=utf-8", Some(Format::Json)),
            ("application/x-ndjson", Some(Format::Lines)),
            ("application/ndjson", Some(Format::Lines)),
            ("application/cloudevents+json; charset=UTF-8", Some(Format::Event)),
            ("application/cloudevents-batch+json", Some(Format::Events)),
            ("application/vnd.acme+json", None),
            ("text/plain", None),
            ("application/cloudevents+avro", None),
            ("é", None),
            ("", None),
        ] {
            assert_eq!(format(&[("content-type", media_type)]), expected, "{media_type}");
        }
        assert_eq!(format(&[]), None);
        assert_eq!(format(&[("content-type", "application/json"), ("content-type", "text/csv")]), None);
    }

    #[test]
    fn attributes_in_headers_make_the_body_the_data_of_an_event() {
        let version = ("ce-specversion", "1.0");
        for media_type in
            ["application/json", "application/vnd.acme+json", "application/x-www-form-urlencoded", ""]
        {
            assert_eq!(format(&[version, ("content-type", media_type)]), Some(Format::EventData));
        }
        assert_eq!(format(&[version]), Some(Format::EventData));
        // A media type of CloudEvents decides, whatever else the headers say.
        let structured = ("content-type", "application/cloudevents+json");
        assert_eq!(format(&[version, structured]), Some(Format::Event));
    }

    #[test]
    fn a_compression_is_one_that_is_known() {
        let encoding = |value| {
            let encoding = Encoding::of(&headers(&[("content-encoding", value)]));
            encoding.inspect_err(|problem| assert_eq!(problem.kind().status(), 415)).ok()
        };
        assert_eq!(Encoding::of(&HeaderMap::new()), Ok(Encoding::Identity));
        assert_eq!(encoding("identity"), Some(Encoding::Identity));
        assert_eq!((encoding("GZIP"), encoding("x-gzip")), (Some(Encoding::Gzip), Some(Encoding::Gzip)));
        assert_eq!(encoding("zstd"), Some(Encoding::Zstd));
        for unknown in ["deflate", "br", "gzip, zstd", "é"] {
            assert_eq!(encoding(unknown), None, "{unknown}");
        }
    }
}
