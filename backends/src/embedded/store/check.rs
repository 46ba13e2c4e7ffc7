//! The check of a cell: over its table, key, timestamp and value.

use crate::key;
use crc32fast::Hasher;
use domain::table::{CellKey, KeyValue, TableRef};

/// The check of a cell.
pub fn of(key: &CellKey, timestamp: i64, value: &[u8]) -> u32 {
    OfPartition::new(key.table, &key.partition).of(&key.clustering, timestamp, value)
}

/// The checks of cells of one partition key, whose common beginning is worked out once.
pub struct OfPartition {
    begun: Hasher,
    rest: Vec<u8>,
}

impl OfPartition {
    /// The beginning: the table and the partition key.
    pub fn new(table: TableRef, partition: &[KeyValue]) -> Self {
        let mut rest: Vec<u8> = Vec::with_capacity(128);
        rest.extend_from_slice(table.name.as_bytes());
        key::put(&mut rest, partition);
        let mut begun = Hasher::new();
        begun.update(&rest);
        Self { begun, rest }
    }

    /// The check of a cell.
    pub fn of(&mut self, clustering: &[KeyValue], timestamp: i64, value: &[u8]) -> u32 {
        self.rest.clear();
        key::put(&mut self.rest, clustering);
        self.rest.extend_from_slice(&timestamp.to_le_bytes());
        let mut hasher = self.begun.clone();
        hasher.update(&self.rest);
        hasher.update(value);
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn the_check_is_the_crc_of_all_of_it_one_after_the_other() {
        let mut checks = OfPartition::new(domain::table::TableRef(&CHARGE), &[KeyValue::text("a")]);
        let bytes = |period: u8, value: &[u8]| {
            [b"charge\0\x01\0\0\0a\0\x01\0\0\0", &[period][..], &7_i64.to_le_bytes(), value].concat()
        };
        assert_eq!(checks.of(&[KeyValue::text("x")], 7, b"one"), crc32fast::hash(&bytes(b'x', b"one")));
        assert_eq!(
            checks.of(&[KeyValue::text("y")], 7, b""),
            crc32fast::hash(&bytes(b'y', b"")),
            "nothing is left over"
        );
    }
}
