//! Clustering keys as every adapter sees them: which lie in a range, and how one is written down.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use domain::port::{ClusteringRange, PageState, StoreError};
use domain::table::KeyValue;

/// The least key of a range: every key of it is at or after this one.
pub fn start(range: &ClusteringRange) -> Vec<KeyValue> {
    range.prefix.iter().chain(&range.from).cloned().collect()
}

/// Whether a key at or after [`start`] lies in the range.
pub fn is_within(range: &ClusteringRange, key: &[KeyValue]) -> bool {
    let before_end = |to: &KeyValue| key.get(range.prefix.len()).is_some_and(|value| value < to);
    key.starts_with(&range.prefix) && range.to.as_ref().is_none_or(before_end)
}

/// The note that a chunk ended with this key.
pub fn page_state(key: &[KeyValue]) -> PageState {
    let mut bytes = BytesMut::new();
    put(&mut bytes, key);
    PageState(bytes.freeze())
}

/// The key a chunk ended with.
pub fn resume_after(state: &PageState) -> Result<Vec<KeyValue>, StoreError> {
    parse(state.0.clone())
        .ok_or_else(|| StoreError::Unavailable("the page state is not one of this store".into()))
}

/// Writes values one after the other, each with its type and, where it varies, its length.
pub fn put(into: &mut impl BufMut, key: &[KeyValue]) {
    for value in key {
        match value {
            KeyValue::Text(text) => put_bytes(into, 0, text.as_bytes()),
            KeyValue::Blob(blob) => put_bytes(into, 1, blob),
            KeyValue::Int(number) => put_number(into, 2, *number),
            KeyValue::Timestamp(millis) => put_number(into, 3, *millis),
        }
    }
}

/// A key as people read it.
pub fn describe(values: &[KeyValue]) -> String {
    let parts: Vec<String> = values.iter().map(describe_value).collect();
    parts.join("/")
}

fn describe_value(value: &KeyValue) -> String {
    match value {
        KeyValue::Text(text) => text.to_string(),
        KeyValue::Int(number) | KeyValue::Timestamp(number) => number.to_string(),
        KeyValue::Blob(blob) => format!("{blob:x}"),
    }
}

fn put_bytes(into: &mut impl BufMut, kind: u8, bytes: &[u8]) {
    into.put_u8(kind);
    into.put_u32_le(u32::try_from(bytes.len()).expect("a key column is far below 4 GiB"));
    into.put_slice(bytes);
}

fn put_number(into: &mut impl BufMut, kind: u8, number: i64) {
    into.put_u8(kind);
    into.put_i64_le(number);
}

fn parse(mut bytes: Bytes) -> Option<Vec<KeyValue>> {
    let mut key = Vec::new();
    while bytes.has_remaining() {
        key.push(match bytes.get_u8() {
            0 => KeyValue::text(std::str::from_utf8(&take_bytes(&mut bytes)?).ok()?),
            1 => KeyValue::Blob(take_bytes(&mut bytes)?),
            2 => KeyValue::Int(bytes.try_get_i64_le().ok()?),
            3 => KeyValue::Timestamp(bytes.try_get_i64_le().ok()?),
            _ => return None,
        });
    }
    Some(key)
}

fn take_bytes(bytes: &mut Bytes) -> Option<Bytes> {
    let length = usize::try_from(bytes.try_get_u32_le().ok()?).ok()?;
    (length <= bytes.remaining()).then(|| bytes.split_to(length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = KeyValue> {
        prop_oneof![
            ".{0,12}".prop_map(|text| KeyValue::text(&text)),
            any::<i64>().prop_map(KeyValue::Int),
            any::<i64>().prop_map(KeyValue::Timestamp),
            any::<Vec<u8>>().prop_map(|bytes| KeyValue::Blob(bytes.into())),
        ]
    }

    proptest! {
        #[test]
        fn a_page_state_gives_its_key_back(key in prop::collection::vec(value(), 0..6)) {
            prop_assert_eq!(resume_after(&page_state(&key)), Ok(key));
        }

        #[test]
        fn no_bytes_panic(bytes in any::<Vec<u8>>()) {
            let _ = resume_after(&PageState(bytes.into()));
        }
    }

    #[test]
    fn a_range_holds_its_start_and_not_its_end() {
        let range = ClusteringRange {
            prefix: vec![KeyValue::text("a")],
            from: Some(KeyValue::Int(1)),
            to: Some(KeyValue::Int(3)),
        };
        assert_eq!(start(&range), [KeyValue::text("a"), KeyValue::Int(1)]);
        let within = |text: &str, number| is_within(&range, &[KeyValue::text(text), KeyValue::Int(number)]);
        assert!(within("a", 1) && within("a", 2) && !within("a", 3) && !within("b", 1));
    }

    #[test]
    fn keys_are_described_column_by_column() {
        let key = [KeyValue::text("acme"), KeyValue::Int(-4), KeyValue::Blob(Bytes::from_static(&[0, 255]))];
        assert_eq!(describe(&key), "acme/-4/00ff");
    }
}
