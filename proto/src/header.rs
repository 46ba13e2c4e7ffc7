//! The headers of records, by which ours are told from foreign bytes.

use bytes::Bytes;
use domain::port::{Entry, Header, NewRecord};

/// The header that makes a record ours; its value is the format number in decimal digits.
pub const FORMAT_HEADER: &str = "pulse-format";
/// The header that names the message of the value.
pub const CONTENT_TYPE_HEADER: &str = "content-type";
/// The header with the identity of a published message: a repeat has the same.
pub const ID_HEADER: &str = "id";
/// The format of every message here.
pub const FORMAT: u32 = 1;

/// Why a record of a log cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It has no format header: it is none of ours.
    #[error("the record is not ours: it has no {FORMAT_HEADER} header")]
    Foreign,
    /// It is ours, of a format this build does not know.
    #[error("the record has format {0}, this build reads {FORMAT}: upgrade it")]
    NewerFormat(u32),
    /// It is ours, decided by rules this build does not know.
    #[error("the record was decided by rules {0}, this build knows {rules}: upgrade it", rules = crate::record::RULES)]
    NewerRules(u32),
    /// It is ours, and its bytes are not what was written.
    #[error("the record is damaged: its checksum or its contents do not fit")]
    Damaged,
}

/// A record of ours that holds the message of that full name.
pub fn message_record(message: &str, value: Bytes) -> NewRecord {
    let header = |name: &str, value: String| Header { name: name.to_owned(), value: value.into() };
    let headers =
        vec![header(FORMAT_HEADER, FORMAT.to_string()), header(CONTENT_TYPE_HEADER, content_type(message))];
    NewRecord { headers, value }
}

/// Whether the entry says that it holds the message of that full name.
pub fn is_message(entry: &Entry, message: &str) -> bool {
    entry.header(CONTENT_TYPE_HEADER).is_some_and(|value| value == content_type(message).as_bytes())
}

/// Whether the entry is ours and of a format that is known here.
pub fn check_format(entry: &Entry) -> Result<(), RecordError> {
    let value = entry.header(FORMAT_HEADER).ok_or(RecordError::Foreign)?;
    let text = std::str::from_utf8(value).map_err(|_| RecordError::Damaged)?;
    match text.parse() {
        Ok(FORMAT) => Ok(()),
        Ok(other) => Err(RecordError::NewerFormat(other)),
        Err(_) => Err(RecordError::Damaged),
    }
}

fn content_type(message: &str) -> String {
    format!("application/protobuf; proto={message}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::time::Timestamp;

    fn entry(headers: Vec<Header>) -> Entry {
        Entry { offset: 0, timestamp: Timestamp::EPOCH, headers, value: Bytes::new() }
    }

    fn with_format(value: &'static [u8]) -> Entry {
        entry(vec![Header { name: FORMAT_HEADER.into(), value: Bytes::from_static(value) }])
    }

    #[test]
    fn ours_is_what_has_the_format_header() {
        assert_eq!(check_format(&entry(Vec::new())), Err(RecordError::Foreign));
        assert_eq!(check_format(&with_format(b"1")), Ok(()));
        assert_eq!(check_format(&with_format(b"2")), Err(RecordError::NewerFormat(2)));
        assert_eq!(check_format(&with_format(b"one")), Err(RecordError::Damaged));
        assert_eq!(check_format(&with_format(b"\xff")), Err(RecordError::Damaged));
    }

    #[test]
    fn a_record_names_its_message() {
        let record = message_record("pulse.log.v1.Rerate", Bytes::new());
        let entry = entry(record.headers);
        assert_eq!(check_format(&entry), Ok(()));
        assert!(is_message(&entry, "pulse.log.v1.Rerate") && !is_message(&entry, "pulse.log.v1.Aggregate"));
    }
}
