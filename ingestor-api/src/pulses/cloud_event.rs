//! Pulses as CloudEvents 1.0: the attributes are who, what and when, the data is the rest.

use super::json::{list, no_object, unreadable};
use crate::intake::Report;
use crate::not_taken::NotTaken;
use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::pulse::RawPulse;
use domain::reject::{Reject, RejectReason};
use domain::time::Timestamp;
use percent_encoding::percent_decode_str;
use proto::json::member::{Scalar, members};
use proto::json::read;
use serde_json::Error;
use std::borrow::Cow;

/// The header that makes a body the data of an event.
pub(super) const SPEC_VERSION: &str = "ce-specversion";
/// The one type of events that are pulses.
const TYPE: &str = "pulse.usage.v1";
/// The attributes that are read; others are extensions and say nothing about use.
const ATTRIBUTES: [&str; 6] = ["specversion", "type", "id", "source", "subject", "time"];

/// The report of the one event that a document is.
pub(super) fn document(text: &str) -> Result<Vec<Report>, NotTaken> {
    report(text).map(|report| vec![report]).map_err(|error| no_object(&error))
}

/// The reports of an array of events.
pub(super) fn batch(text: &str) -> Result<Vec<Report>, NotTaken> {
    let events = list(text)?;
    let report = |text: &str| report(text).unwrap_or_else(|error| unreadable(text, &error));
    Ok(events.into_iter().map(|event| report(event.as_str())).collect())
}

/// The report of an event whose attributes are headers.
pub(super) fn of_headers(headers: &HeaderMap, data: &str) -> Report {
    let mut event = Event::default();
    for name in ATTRIBUTES {
        let Some(value) = headers.get(format!("ce-{name}")) else { continue };
        match std::str::from_utf8(value.as_bytes()).ok().and_then(header_text) {
            Some(text) => event.put(name, text.into()),
            None => event.blame(field(name, "must be UTF-8")),
        }
    }
    event.into_report(Some(data.into()), data.len())
}

fn report(text: &str) -> Result<Report, Error> {
    let mut event = Event::default();
    let mut data = None;
    members(text, |name, value| match (name, value.scalar()) {
        (_, Scalar::Absent) => {}
        ("data", _) => data = Some(Cow::Borrowed(value.as_str())),
        ("data_base64", scalar) => match decode(&scalar) {
            Some(text) => data = Some(text.into()),
            None => event.blame(field(name, "must be a string of base64 of UTF-8")),
        },
        (name, Scalar::Text(text)) => event.put(name, text),
        (name, _) if ATTRIBUTES.contains(&name) => event.blame(field(name, "must be a string")),
        _ => {}
    })?;
    Ok(event.into_report(data, text.len()))
}

/// An event's attributes, and the first thing that is wrong with them.
#[derive(Default)]
struct Event<'a> {
    attributes: [Option<Cow<'a, str>>; ATTRIBUTES.len()],
    fault: Option<Reject>,
}

impl<'a> Event<'a> {
    fn put(&mut self, name: &str, text: Cow<'a, str>) {
        if let Some(place) = ATTRIBUTES.iter().position(|attribute| *attribute == name) {
            self.attributes[place] = Some(text);
        }
    }

    fn blame(&mut self, fault: Reject) {
        self.fault.get_or_insert(fault);
    }

    fn into_report(mut self, data: Option<Cow<'_, str>>, bytes: usize) -> Report {
        let [version, kind, id, source, subject, time] = std::mem::take(&mut self.attributes);
        for (name, value, wanted) in [("specversion", version, "1.0"), ("type", kind, TYPE)] {
            if value.is_none_or(|value| value != wanted) {
                self.blame(field(name, format_args!("must be {wanted}")));
            }
        }
        let text = |value: Option<Cow<'_, str>>| value.map(Cow::into_owned).unwrap_or_default();
        let mut raw =
            RawPulse { id: text(id), source: text(source), tenant: text(subject), ..RawPulse::default() };
        if raw.id.is_empty() {
            self.blame(Reject::new(RejectReason::InvalidId, "id", "is required of an event"));
        }
        match time.as_deref().map(Timestamp::parse).transpose() {
            Ok(time) => raw.event_time = time.map(Into::into),
            Err(error) => self.blame(Reject::new(RejectReason::InvalidTime, "event_time", error)),
        }
        match data.map(|data| read(&mut raw, &data)) {
            Some(Ok(None)) => {}
            Some(Ok(Some(fault))) => self.blame(fault),
            None | Some(Err(_)) => self.blame(field("data", "must be a JSON object")),
        }
        Report { raw, bytes, fault: self.fault, untouched: None }
    }
}

fn field(name: &str, rule: impl std::fmt::Display) -> Reject {
    Reject::new(RejectReason::InvalidField, name, rule)
}

fn decode(value: &Scalar<'_>) -> Option<String> {
    let Scalar::Text(text) = value else { return None };
    String::from_utf8(STANDARD.decode(text.as_bytes()).ok()?).ok()
}

/// The text that a header stands for: unquoted, then percent-decoded once.
fn header_text(value: &str) -> Option<String> {
    let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    let plain = quoted.map_or(Cow::Borrowed(value), |quoted| unescape(quoted).into());
    percent_decode_str(&plain).decode_utf8().ok().map(Cow::into_owned)
}

fn unescape(quoted: &str) -> String {
    let mut characters = quoted.chars();
    std::iter::from_fn(|| match characters.next() {
        Some('\\') => characters.next(),
        other => other,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};
    use domain::code::Code;
    use serde_json::{Value, json};

    fn event() -> Value {
        json!({
            "specversion": "1.0", "type": "pulse.usage.v1", "id": "a-1", "source": "/meters/1",
            "subject": "acme", "time": "2026-01-31T10:14:58Z", "datacontenttype": "application/json",
            "traceparent": "00-x", "sequence": 7,
            "data": {"sku": "llm.input", "quantity": 1.5, "unit": "token", "dimensions": {"region": "eu"}},
        })
    }

    fn expected() -> RawPulse {
        RawPulse {
            id: "a-1".into(),
            source: "/meters/1".into(),
            tenant: "acme".into(),
            sku: "llm.input".into(),
            quantity: "1.5".into(),
            unit: "token".into(),
            // 2026-01-31T10:14:58Z, computed by `date -d … +%s`.
            event_time: Some(Timestamp::from_seconds(1_769_854_498).into()),
            dimensions: vec![("region".into(), "eu".into())],
            ..RawPulse::default()
        }
    }

    fn of(event: &Value) -> Report {
        document(&event.to_string()).unwrap().remove(0)
    }

    fn with(name: &str, value: Value) -> Value {
        let mut event = event();
        event[name] = value;
        event
    }

    #[test]
    fn an_event_is_a_pulse_and_extensions_say_nothing() {
        let report = of(&event());
        assert_eq!((report.raw, report.fault), (expected(), None));
    }

    #[test]
    fn data_may_be_base64() {
        let mut event = event();
        let data = STANDARD.encode(event["data"].take().to_string());
        event["data_base64"] = data.into();
        let report = of(&event);
        assert_eq!((report.raw, report.fault), (expected(), None));
    }

    #[test]
    fn what_breaks_a_rule_names_its_field() {
        for (event, name, reason) in [
            (with("specversion", json!("0.3")), "specversion", RejectReason::InvalidField),
            (with("specversion", Value::Null), "specversion", RejectReason::InvalidField),
            (with("type", json!("com.acme.other")), "type", RejectReason::InvalidField),
            (with("id", Value::Null), "id", RejectReason::InvalidId),
            (with("id", json!(5)), "id", RejectReason::InvalidField),
            (with("time", json!("yesterday")), "event_time", RejectReason::InvalidTime),
            (with("data", Value::Null), "data", RejectReason::InvalidField),
            (with("data", json!("{}")), "data", RejectReason::InvalidField),
            (with("data", json!({"colour": 1})), "colour", RejectReason::InvalidField),
            (with("data", json!({"id": "b-1"})), "id", RejectReason::InvalidField),
            (with("data", json!({"tenant": "globex"})), "tenant", RejectReason::InvalidField),
            (with("data_base64", json!("%")), "data_base64", RejectReason::InvalidField),
            (with("data_base64", json!("/w==")), "data_base64", RejectReason::InvalidField),
            (with("data_base64", json!(1)), "data_base64", RejectReason::InvalidField),
        ] {
            let fault = of(&event).fault.unwrap();
            assert_eq!((fault.field.as_str(), fault.reason), (name, reason), "{event}");
        }
    }

    #[test]
    fn what_attributes_leave_out_data_may_say() {
        let mut event = with("subject", Value::Null);
        event["data"]["tenant"] = "globex".into();
        let report = of(&event);
        assert_eq!((report.raw.tenant.as_str(), report.fault), ("globex", None));
    }

    #[test]
    fn each_event_of_a_batch_stands_alone() {
        let events = json!([event(), 5, with("type", json!("x"))]).to_string();
        let reports = batch(&events).unwrap();
        assert_eq!(reports[0].raw, expected());
        assert_eq!(reports[1].untouched.as_deref(), Some(&b"5"[..]));
        assert_eq!(reports[2].fault.as_ref().unwrap().field, "type");
        assert_eq!(batch("{}").unwrap_err().code, Code::InvalidArgument);
        assert_eq!(document("[]").unwrap_err().code, Code::InvalidArgument);
        assert_eq!(batch("[").unwrap_err().code, Code::InvalidArgument);
    }

    #[test]
    fn attributes_in_headers_are_unquoted_and_decoded() {
        let mut headers = HeaderMap::new();
        let pairs: [(&str, &[u8]); 7] = [
            ("ce-specversion", b"1.0"),
            ("ce-type", b"pulse.usage.v1"),
            ("ce-id", br#""a\-1""#),
            ("ce-source", b"/meters/1"),
            ("ce-subject", b"Caf%C3%A9%20%22x%22"),
            ("ce-time", b"2026-01-31T10:14:58Z"),
            ("ce-sequence", b"\xff"),
        ];
        for (name, value) in pairs {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap());
        }
        let data = event()["data"].to_string();
        let report = of_headers(&headers, &data);
        assert_eq!(
            (report.raw, report.fault),
            (RawPulse { tenant: "Café \"x\"".into(), ..expected() }, None)
        );
        for bad in [&b"\xff"[..], b"%ff"] {
            headers.insert("ce-subject", HeaderValue::from_bytes(bad).unwrap());
            assert_eq!(of_headers(&headers, &data).fault.unwrap().field, "subject");
        }
        assert_eq!(of_headers(&HeaderMap::new(), "x").fault.unwrap().field, "specversion");
    }
}
