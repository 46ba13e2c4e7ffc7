//! Records of ours as Kafka's messages, and back.

use super::incarnations::Base;
use bytes::Bytes;
use domain::port::{Entry, Header, NewRecord};
use domain::time::Timestamp;
use rdkafka::Message;
use rdkafka::message::{Header as KafkaHeader, Headers, OwnedHeaders};
use rdkafka::producer::FutureRecord;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};

thread_local! {
    static IS_READING_NAMES: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread is the library's at a name that is not text: it is caught, and no bug of ours.
pub fn catches_panics() -> bool {
    IS_READING_NAMES.get()
}

/// A record on its way to a partition. It has no key: we choose the partition.
pub fn to_kafka<'a>(topic: &'a str, partition: i32, record: &'a NewRecord) -> FutureRecord<'a, (), [u8]> {
    let message = FutureRecord::to(topic).partition(partition).payload(&record.value[..]);
    if record.headers.is_empty() { message } else { message.headers(headers(&record.headers)) }
}

fn headers(headers: &[Header]) -> OwnedHeaders {
    let all = OwnedHeaders::new_with_capacity(headers.len());
    headers.iter().fold(all, |all, Header { name, value }| {
        all.insert(KafkaHeader { key: name, value: Some(&value[..]) })
    })
}

/// A message that was fetched. What others wrote may have no value: it is empty then.
pub fn to_entry(message: &impl Message, base: Base) -> Entry {
    let headers = message.headers().map_or_else(Vec::new, from_kafka);
    let millis = message.timestamp().to_millis().unwrap_or(0);
    Entry {
        offset: base.logical(message.offset()),
        timestamp: Timestamp::from_nanos(millis.saturating_mul(1_000_000)),
        headers,
        value: bytes(message.payload()),
    }
}

/// The library panics at a name that is not text. Such a record is none of ours: it is read as if it had no headers.
fn from_kafka(all: &impl Headers) -> Vec<Header> {
    let read = || {
        all.iter().map(|header| Header { name: header.key.to_owned(), value: bytes(header.value) }).collect()
    };
    IS_READING_NAMES.set(true);
    let headers = panic::catch_unwind(AssertUnwindSafe(read)).unwrap_or_default();
    IS_READING_NAMES.set(false);
    headers
}

fn bytes(value: Option<&[u8]>) -> Bytes {
    value.map_or_else(Bytes::new, Bytes::copy_from_slice)
}

#[cfg(test)]
mod tests {
    use super::super::incarnations;
    use super::*;
    use domain::generation::Incarnation;
    use rdkafka::message::{OwnedMessage, Timestamp as KafkaTimestamp};

    fn base() -> Base {
        let incarnation = Incarnation { number: 2, log_id: "log".into(), first_offsets: vec![100] };
        incarnations::base(&incarnation, 0).unwrap()
    }

    fn message(payload: Option<&[u8]>, headers: Option<OwnedHeaders>) -> OwnedMessage {
        let time = KafkaTimestamp::LogAppendTime(1_500);
        OwnedMessage::new(payload.map(<[u8]>::to_vec), None, "topic".to_owned(), time, 0, 7, headers)
    }

    #[test]
    fn headers_keep_their_order_their_repeats_and_their_empty_values() {
        let header = |name: &str, value: &'static [u8]| Header {
            name: name.to_owned(),
            value: Bytes::from_static(value),
        };
        let headers = vec![header("traceparent", b"00-1"), header("", b""), header("traceparent", b"00-2")];
        let record = NewRecord { headers: headers.clone(), value: Bytes::from_static(b"value") };
        let sent = to_kafka("topic", 3, &record);
        assert_eq!((sent.partition, sent.payload), (Some(3), Some(&b"value"[..])));
        let entry = to_entry(&message(sent.payload, sent.headers), base());
        let expected = Entry {
            offset: 107,
            timestamp: Timestamp::from_nanos(1_500_000_000),
            headers,
            value: record.value,
        };
        assert_eq!(entry, expected);
    }

    #[test]
    fn a_message_of_others_without_value_or_headers_is_read_as_empty() {
        let entry = to_entry(&message(None, None), base());
        assert_eq!((entry.headers, entry.value), (Vec::new(), Bytes::new()));
        let null = OwnedHeaders::new().insert(KafkaHeader::<&[u8]> { key: "null", value: None });
        let entry = to_entry(&message(Some(b"x"), Some(null)), base());
        assert_eq!(entry.header("null"), Some(&Bytes::new()));
    }

    /// Headers whose second name is not text.
    struct Foreign;

    impl Headers for Foreign {
        fn count(&self) -> usize {
            2
        }

        fn try_get(&self, index: usize) -> Option<KafkaHeader<'_, &[u8]>> {
            assert!(catches_panics(), "nobody must take it for a bug");
            assert!(index == 0, "as the library does");
            Some(KafkaHeader { key: "first", value: None })
        }
    }

    #[test]
    fn names_that_are_not_text_end_no_reader() {
        assert_eq!(from_kafka(&Foreign), []);
        assert!(!catches_panics(), "what panics from here on is a bug");
    }
}
