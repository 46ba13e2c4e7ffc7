//! The check of a cell: over its table, key, timestamp and value.

use crate::key;
use domain::table::{CellKey, KeyValue};

/// The check of a cell.
pub fn of(key: &CellKey, timestamp: i64, value: &[u8]) -> u32 {
    let mut place: Vec<u8> = Vec::with_capacity(128);
    place.extend_from_slice(key.table.name.as_bytes());
    key::put(&mut place, &key.partition);
    key::put(&mut place, &key.clustering);
    place.extend_from_slice(&timestamp.to_le_bytes());
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&place);
    hasher.update(value);
    hasher.finalize()
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

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use domain::table::{CHARGE, WORKER_CHECKPOINT};

    #[test]
    fn the_check_covers_key_timestamp_and_value() {
        let key = |tenant, period| {
            CellKey::new(&CHARGE, vec![KeyValue::text(tenant)], vec![KeyValue::text(period)])
        };
        let original = of(&key("acme", "2026-01"), 1, b"v");
        assert_ne!(of(&key("acme2", "026-01"), 1, b"v"), original);
        assert_ne!(of(&key("acme", "2026-01"), 2, b"v"), original);
        assert_ne!(of(&key("acme", "2026-01"), 1, b"w"), original);
        let other = CellKey { table: domain::table::TableRef(&WORKER_CHECKPOINT), ..key("acme", "2026-01") };
        assert_ne!(of(&other, 1, b"v"), original);
    }

    #[test]
    fn keys_are_described_column_by_column() {
        let key = [KeyValue::text("acme"), KeyValue::Int(-4), KeyValue::Blob(Bytes::from_static(&[0, 255]))];
        assert_eq!(describe(&key), "acme/-4/00ff");
    }
}
