//! The tables of cells, declared once as data; a new table is a declaration here and nothing elsewhere.

use crate::time::Timestamp;
use bytes::Bytes;
use std::sync::Arc;

/// What a key column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8 text, compared by its bytes.
    Text,
    /// A signed 64-bit number.
    Int,
    /// An instant in whole milliseconds.
    Timestamp,
    /// Bytes.
    Blob,
}

/// A key column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in every store.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnType,
}

/// What the write timestamps of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// Positions of the partition named by the key's `generation` and `partition` columns.
    Position,
    /// Something else that rises: a time, an offset of another topic.
    Other,
}

/// A table: its key columns and one value blob.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name in every store.
    pub name: &'static str,
    /// The columns that place a row; all of them are given in every read.
    pub partition: &'static [Column],
    /// The columns that order rows within a partition.
    pub clustering: &'static [Column],
    /// Seconds after its last write at which a row goes.
    pub ttl_seconds: Option<i64>,
    /// What its write timestamps are.
    pub stamp: Stamp,
}

const fn text(name: &'static str) -> Column {
    Column { name, kind: ColumnType::Text }
}

const fn int(name: &'static str) -> Column {
    Column { name, kind: ColumnType::Int }
}

const fn time(name: &'static str) -> Column {
    Column { name, kind: ColumnType::Timestamp }
}

const LEDGER_TTL_SECONDS: i64 = 45 * 86_400;

/// Sums of usage: one row per hour, written whole.
pub static AGGREGATE: Table = Table {
    name: "aggregate",
    partition: &[text("tenant"), text("day")],
    clustering: &[
        text("sku"),
        text("unit"),
        text("usage_group"),
        time("hour"),
        text("posted"),
        int("generation"),
        int("partition_number"),
    ],
    ttl_seconds: None,
    stamp: Stamp::Position,
};

/// Ids seen: what makes a re-send count once.
pub static LEDGER: Table = Table {
    name: "ledger",
    partition: &[int("generation"), int("partition_number"), int("bucket"), int("slice")],
    clustering: &[int("block")],
    ttl_seconds: Some(LEDGER_TTL_SECONDS),
    stamp: Stamp::Position,
};

/// The records themselves, compressed: what explains every number beyond the log's retention.
pub static PAGE: Table = Table {
    name: "page",
    partition: &[int("generation"), int("partition_number"), int("page")],
    clustering: &[int("record_offset"), int("part")],
    ttl_seconds: None,
    stamp: Stamp::Position,
};

/// How far a partition is durably counted.
pub static CHECKPOINT: Table = Table {
    name: "checkpoint",
    partition: &[int("generation"), int("partition_number")],
    clustering: &[],
    ttl_seconds: None,
    stamp: Stamp::Position,
};

/// Checkpoints of the past, one every ten minutes.
pub static CHECKPOINT_HISTORY: Table = Table {
    name: "checkpoint_history",
    partition: &[int("generation"), int("partition_number")],
    clustering: &[time("time")],
    ttl_seconds: None,
    stamp: Stamp::Position,
};

/// Up to which instant a partition has counted all that was acknowledged.
pub static WATERMARK: Table = Table {
    name: "watermark",
    partition: &[int("generation")],
    clustering: &[int("partition_number")],
    ttl_seconds: None,
    stamp: Stamp::Other,
};

/// What was refused and kept.
pub static DEAD_LETTER: Table = Table {
    name: "dead_letter",
    partition: &[text("day"), int("generation"), int("partition_number")],
    clustering: &[int("position")],
    ttl_seconds: None,
    stamp: Stamp::Position,
};

/// What became of dead letters since.
pub static DEAD_LETTER_STATE: Table = Table {
    name: "dead_letter_state",
    partition: &[text("day"), int("generation"), int("partition_number")],
    clustering: &[int("position")],
    ttl_seconds: None,
    stamp: Stamp::Position,
};

/// The complete list of charges of a tenant's month, in one cell.
pub static CHARGE: Table = Table {
    name: "charge",
    partition: &[text("tenant")],
    clustering: &[text("period")],
    ttl_seconds: None,
    stamp: Stamp::Other,
};

/// How far a reader of a log has come.
pub static WORKER_CHECKPOINT: Table = Table {
    name: "worker_checkpoint",
    partition: &[text("worker"), text("topic")],
    clustering: &[int("partition_number")],
    ttl_seconds: None,
    stamp: Stamp::Other,
};

/// What was answered to requests with an idempotency key.
pub static IDEMPOTENCY: Table = Table {
    name: "idempotency",
    partition: &[text("operation"), text("idempotency_key")],
    clustering: &[],
    ttl_seconds: Some(86_400),
    stamp: Stamp::Other,
};

/// The catalogue as it was at an offset of its log, in parts that are written once.
pub static CATALOG_PART: Table = Table {
    name: "catalog_part",
    partition: &[int("catalog_offset")],
    clustering: &[int("part")],
    ttl_seconds: None,
    stamp: Stamp::Other,
};

/// Which offset's parts are complete.
pub static CATALOG_HEAD: Table = Table {
    name: "catalog_head",
    partition: &[text("topic")],
    clustering: &[],
    ttl_seconds: None,
    stamp: Stamp::Other,
};

/// All of them.
pub static TABLES: [&Table; 13] = [
    &AGGREGATE,
    &LEDGER,
    &PAGE,
    &CHECKPOINT,
    &CHECKPOINT_HISTORY,
    &WATERMARK,
    &DEAD_LETTER,
    &DEAD_LETTER_STATE,
    &CHARGE,
    &WORKER_CHECKPOINT,
    &IDEMPOTENCY,
    &CATALOG_PART,
    &CATALOG_HEAD,
];

/// The value of one key column. Order within a type is the order of rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyValue {
    /// For [`ColumnType::Text`].
    Text(Arc<str>),
    /// For [`ColumnType::Int`].
    Int(i64),
    /// For [`ColumnType::Timestamp`]: milliseconds since the epoch.
    Timestamp(i64),
    /// For [`ColumnType::Blob`].
    Blob(Bytes),
}

impl KeyValue {
    /// A text value.
    pub fn text(value: &str) -> Self {
        Self::Text(value.into())
    }

    /// A value of an instant, cut to milliseconds.
    pub fn time(value: Timestamp) -> Self {
        Self::Timestamp(value.millis())
    }

    /// The column type it fits.
    pub fn kind(&self) -> ColumnType {
        match self {
            Self::Text(_) => ColumnType::Text,
            Self::Int(_) => ColumnType::Int,
            Self::Timestamp(_) => ColumnType::Timestamp,
            Self::Blob(_) => ColumnType::Blob,
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        self.as_shared().map(|text| &**text)
    }

    /// The text, shared, if it is one.
    pub fn as_shared(&self) -> Option<&Arc<str>> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is a number or an instant.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) | Self::Timestamp(number) => Some(*number),
            _ => None,
        }
    }
}

impl From<u32> for KeyValue {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<i64> for KeyValue {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

/// The full key of a cell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CellKey {
    /// Its table.
    pub table: TableRef,
    /// A value for each partition-key column: the cells that are read together share them.
    pub partition: Arc<[KeyValue]>,
    /// A value for each clustering column.
    pub clustering: Vec<KeyValue>,
}

/// A reference to a declared table, compared by name.
#[derive(Clone, Copy, Debug)]
pub struct TableRef(pub &'static Table);

impl PartialEq for TableRef {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for TableRef {}

impl std::hash::Hash for TableRef {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.name.hash(state);
    }
}

impl std::ops::Deref for TableRef {
    type Target = Table;
    fn deref(&self) -> &Table {
        self.0
    }
}

impl CellKey {
    /// A key whose values fit the table's columns.
    pub fn new(
        table: &'static Table,
        partition: impl Into<Arc<[KeyValue]>>,
        clustering: Vec<KeyValue>,
    ) -> Self {
        let partition = partition.into();
        let fits = |values: &[KeyValue], columns: &[Column]| {
            values.len() == columns.len()
                && values.iter().zip(columns).all(|(value, column)| value.kind() == column.kind)
        };
        debug_assert!(
            fits(&partition, table.partition) && fits(&clustering, table.clustering),
            "{}",
            table.name
        );
        Self { table: TableRef(table), partition, clustering }
    }

    /// The generation and partition whose positions stamp this cell, where the table says so.
    pub fn stamped_by(&self) -> Option<(i64, i64)> {
        if self.table.stamp != Stamp::Position {
            return None;
        }
        let columns = self.table.partition.iter().chain(self.table.clustering);
        let values = self.partition.iter().chain(&self.clustering);
        let find = |name: &str| {
            columns.clone().zip(values.clone()).find(|(column, _)| column.name == name)?.1.as_int()
        };
        Some((find("generation")?, find("partition_number")?))
    }
}

/// A cell: key, write timestamp, value. Of two writes the larger timestamp wins, on a tie the larger value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Where it stands.
    pub key: CellKey,
    /// Its write timestamp; `i64::MIN` is none, because the engines mark with it what was never written.
    pub timestamp: i64,
    /// Its value.
    pub value: Bytes,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_positions_name_their_partition() {
        let names: BTreeSet<&str> = TABLES.iter().map(|table| table.name).collect();
        assert_eq!(names.len(), TABLES.len());
        for table in TABLES.iter().filter(|table| table.stamp == Stamp::Position) {
            let columns: Vec<&str> =
                table.partition.iter().chain(table.clustering).map(|column| column.name).collect();
            assert!(
                columns.contains(&"generation") && columns.contains(&"partition_number"),
                "{}",
                table.name
            );
        }
    }

    #[test]
    fn the_ledger_remembers_for_the_horizon_its_slack_and_the_logs_retention() {
        let horizon = crate::generation::Horizon::default();
        let log_retention_seconds = 7 * 86_400;
        assert_eq!(LEDGER.ttl_seconds, Some(horizon.ledger_seconds()));
        assert!(horizon.replay_seconds() >= log_retention_seconds);
        assert!(LEDGER.ttl_seconds.unwrap() >= horizon.past_seconds + 86_400 + log_retention_seconds);
    }

    #[test]
    fn a_key_tells_whose_positions_stamp_it() {
        let key = CellKey::new(
            &LEDGER,
            vec![1_i64.into(), 3_i64.into(), 9_i64.into(), 0_i64.into()],
            vec![5_i64.into()],
        );
        assert_eq!(key.stamped_by(), Some((1, 3)));
        let key = CellKey::new(&CHARGE, vec![KeyValue::text("acme")], vec![KeyValue::text("2026-01")]);
        assert_eq!(key.stamped_by(), None);
    }
}
