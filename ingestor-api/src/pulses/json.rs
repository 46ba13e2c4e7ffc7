//! Pulses as JSON: one object, an object that lists them, or an object a line.

use super::body::breaks_rule;
use crate::batch::{self, BATCH_PULSES_MAX};
use crate::intake::Report;
use crate::not_taken::NotTaken;
use domain::code::Code;
use domain::pulse::RawPulse;
use domain::reject::{Reject, RejectReason};
use proto::json::member::{Text, elements, members};
use proto::json::read;
use serde_json::Error;

const LIST: &str = "pulses";

/// The reports of a document: `{"pulses": […]}`, or the one pulse that it is.
pub(super) fn document(text: &str) -> Result<Vec<Report>, NotTaken> {
    if is_list(text) {
        return list(find_list(text)?.as_str())
            .map(|pulses| pulses.into_iter().map(|pulse| report(pulse.as_str())).collect());
    }
    let mut raw = RawPulse::default();
    let fault = read(&mut raw, text).map_err(|error| no_object(&error))?;
    Ok(vec![Report { raw, bytes: text.len(), fault, untouched: None }])
}

/// The reports of lines, blank ones left out. A line that is no JSON object is a pulse that cannot be read; a body that
/// has no other lines is none of pulses.
pub(super) fn lines(text: &str) -> Result<Vec<Report>, NotTaken> {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    batch::check_count(lines().count())?;
    let reports: Vec<Report> = lines().map(report).collect();
    if reports.iter().all(|report| report.untouched.is_some()) {
        return Err(breaks_rule(Code::InvalidArgument, "must hold a JSON object a line, and no line is one"));
    }
    Ok(reports)
}

/// The elements of an array, as many as a batch may have.
pub(super) fn list(array: &str) -> Result<Vec<Text<'_>>, NotTaken> {
    let refuse = |error: Error| {
        NotTaken::breaks_rule(Code::InvalidArgument, LIST, format_args!("must be a JSON array: {error}"))
    };
    let (elements, count) = elements(array, BATCH_PULSES_MAX).map_err(refuse)?;
    batch::check_count(count)?;
    Ok(elements)
}

/// The refusal of a body that is no JSON object.
pub(super) fn no_object(error: &Error) -> NotTaken {
    breaks_rule(Code::InvalidArgument, format_args!("must be a JSON object: {error}"))
}

/// The report of a pulse that cannot be read: its text is kept as it came.
pub(super) fn unreadable(text: &str, error: &Error) -> Report {
    let rule = format_args!("must be a JSON object: {error}");
    Report {
        raw: RawPulse::default(),
        bytes: text.len(),
        fault: Some(Reject::new(RejectReason::InvalidField, "pulse", rule)),
        untouched: Some(text.to_owned().into()),
    }
}

fn report(text: &str) -> Report {
    let mut raw = RawPulse::default();
    match read(&mut raw, text) {
        Ok(fault) => Report { raw, bytes: text.len(), fault, untouched: None },
        Err(error) => unreadable(text, &error),
    }
}

/// Whether an object lists pulses: it begins with that name.
fn is_list(text: &str) -> bool {
    let object = text.trim_start().strip_prefix('{').unwrap_or_default();
    object
        .trim_start()
        .strip_prefix('"')
        .and_then(|name| name.strip_prefix(LIST))
        .is_some_and(|rest| rest.starts_with('"'))
}

fn find_list(text: &str) -> Result<Text<'_>, NotTaken> {
    let (mut list, mut is_alone) = (None, true);
    members(text, |_, value| is_alone &= list.replace(value).is_none()).map_err(|error| no_object(&error))?;
    let list = list.filter(|_| is_alone);
    list.ok_or_else(|| NotTaken::breaks_rule(Code::InvalidArgument, LIST, "must be the only field"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(reports: Result<Vec<Report>, NotTaken>) -> Vec<String> {
        reports.unwrap().into_iter().map(|report| report.raw.id).collect()
    }

    fn refusal(reports: Result<Vec<Report>, NotTaken>) -> (Code, &'static str) {
        let refusal = reports.unwrap_err();
        (refusal.code, refusal.field.unwrap())
    }

    #[test]
    fn a_document_is_a_pulse_or_a_list_of_them() {
        assert_eq!(ids(document(r#" {"id": "a-1"} "#)), ["a-1"]);
        assert_eq!(
            ids(document("\n{ \"pulses\" : [{\"id\": \"a-1\"}, {\"id\": \"a-2\"}] }")),
            ["a-1", "a-2"]
        );
        assert_eq!(ids(document(r#"{"pulses": []}"#)), [""; 0]);
    }

    #[test]
    fn an_element_that_is_no_object_is_refused_alone_and_its_text_is_kept() {
        let reports = document(r#"{"pulses": [{"id": "a-1"}, 17, {"colour": 1}]}"#).unwrap();
        assert!(reports[0].fault.is_none());
        let (fault, text) = (reports[1].fault.as_ref().unwrap(), reports[1].untouched.as_deref());
        assert_eq!((fault.field.as_str(), text), ("pulse", Some(&b"17"[..])));
        assert_eq!((reports[2].fault.as_ref().unwrap().field.as_str(), reports[2].bytes), ("colour", 13));
    }

    #[test]
    fn what_is_no_json_is_refused_as_a_whole() {
        let invalid = |field| (Code::InvalidArgument, field);
        for text in [
            "",
            "[]",
            "[{\"id\": \"a\"}]",
            "5",
            "{",
            "{\"id\": \"a\"} x",
            "{\"pulses\": [}",
            "{\"pulses\": [1]",
        ] {
            assert_eq!(refusal(document(text)), invalid("body"), "{text}");
        }
        for text in [
            "{\"pulses\": 5}",
            "{\"pulses\": {}}",
            "{\"pulses\": [], \"x\": 1}",
            "{\"pulses\":[],\"pulses\":[]}",
        ] {
            assert_eq!(refusal(document(text)), invalid("pulses"), "{text}");
        }
    }

    #[test]
    fn more_than_a_thousand_are_refused_before_they_are_read() {
        let many = |count: usize| format!("{{\"pulses\": [{}{{}}]}}", "{},".repeat(count - 1));
        assert_eq!(document(&many(1_000)).unwrap().len(), 1_000);
        assert_eq!(refusal(document(&many(1_001))), (Code::TooLarge, "pulses"));
        assert_eq!(refusal(lines(&"{}\n".repeat(1_001))), (Code::TooLarge, "pulses"));
    }

    #[test]
    fn lines_are_read_one_by_one_and_blank_ones_are_none() {
        let reports = lines("{\"id\": \"a-1\"}\r\n\n  \n{\"id\": \n {\"id\": \"a-2\"}").unwrap();
        assert_eq!(
            reports.iter().map(|report| report.raw.id.as_str()).collect::<Vec<_>>(),
            ["a-1", "", "a-2"]
        );
        assert_eq!(reports[1].untouched.as_deref(), Some(&b"{\"id\":"[..]));
        assert_eq!(reports[1].fault.as_ref().unwrap().reason, RejectReason::InvalidField);
        for text in ["id,tenant\na-1,acme", "[]", "", "\n"] {
            assert_eq!(refusal(lines(text)), (Code::InvalidArgument, "body"), "{text:?}");
        }
    }

    #[test]
    fn a_name_that_only_begins_like_the_list_is_a_field() {
        for text in [r#"{"pulsesx": []}"#, r#"{"pulse": []}"#] {
            assert!(document(text).unwrap()[0].fault.is_some());
        }
        assert!(!is_list("") && !is_list("{") && !is_list("\"pulses\""));
    }
}
