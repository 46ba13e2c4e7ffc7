//! The declared tables: a store that holds data of an older build reads these very names.

use domain::table::{
    AGGREGATE, CHECKPOINT, Cell, CellKey, ColumnType, DEAD_LETTER, KeyValue, PAGE, Stamp, TABLES, TableRef,
};
use domain::time::Timestamp;
use proptest::prelude::*;
use std::collections::{BTreeSet, HashSet};

/// Name, partition-key columns, clustering columns; t: text, i: number, m: milliseconds.
const DECLARED: [(&str, &str, &str); 13] = [
    (
        "aggregate",
        "t:tenant t:day",
        "t:sku t:unit t:usage_group m:hour t:posted i:generation i:partition_number",
    ),
    ("ledger", "i:generation i:partition_number i:bucket i:slice", "i:block"),
    ("page", "i:generation i:partition_number i:page", "i:record_offset i:part"),
    ("checkpoint", "i:generation i:partition_number", ""),
    ("checkpoint_history", "i:generation i:partition_number", "m:time"),
    ("watermark", "i:generation", "i:partition_number"),
    ("dead_letter", "t:day i:generation i:partition_number", "i:position"),
    ("dead_letter_state", "t:day i:generation i:partition_number", "i:position"),
    ("charge", "t:tenant", "t:period"),
    ("worker_checkpoint", "t:worker t:topic", "i:partition_number"),
    ("idempotency", "t:operation t:idempotency_key", ""),
    ("catalog_part", "i:catalog_offset", "i:part"),
    ("catalog_head", "t:topic", ""),
];

fn columns(columns: &[domain::table::Column]) -> String {
    let letter = |kind| match kind {
        ColumnType::Text => 't',
        ColumnType::Int => 'i',
        ColumnType::Timestamp => 'm',
        ColumnType::Blob => 'b',
    };
    let named: Vec<String> =
        columns.iter().map(|column| format!("{}:{}", letter(column.kind), column.name)).collect();
    named.join(" ")
}

#[test]
fn tables_have_the_columns_they_always_had() {
    assert_eq!(TABLES.len(), DECLARED.len());
    for (name, partition, clustering) in DECLARED {
        let table = TABLES.iter().find(|table| table.name == name).unwrap();
        assert_eq!(columns(table.partition), partition, "{name}");
        assert_eq!(columns(table.clustering), clustering, "{name}");
    }
}

/// Words that a query language keeps for itself would need quotes in every statement.
#[test]
fn names_are_plain_and_not_reserved() {
    let reserved =
        ["token", "offset", "partition", "group", "order", "key", "values", "index", "table", "timestamp"];
    for table in TABLES {
        let all = table.partition.iter().chain(table.clustering);
        let names: Vec<&str> = all.map(|column| column.name).collect();
        for name in names.iter().chain([&table.name]) {
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert!(!reserved.contains(name), "{name}");
        }
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{}", table.name);
    }
}

/// Whatever money is worked out from stays. What tells repeats apart goes when nobody can send them again: ids after
/// 45 days, keys of requests after one.
#[test]
fn only_what_tells_repeats_apart_is_forgotten() {
    let forgetting = TABLES.iter().filter_map(|table| Some((table.name, table.ttl_seconds?)));
    assert_eq!(forgetting.collect::<Vec<_>>(), [("ledger", 45 * 86_400), ("idempotency", 86_400)]);
}

#[test]
fn what_the_consumer_writes_is_stamped_by_positions() {
    let others: Vec<&str> =
        TABLES.iter().filter(|table| table.stamp == Stamp::Other).map(|table| table.name).collect();
    assert_eq!(
        others,
        ["watermark", "charge", "worker_checkpoint", "idempotency", "catalog_part", "catalog_head"]
    );
}

#[test]
fn a_value_knows_its_column_type() {
    let instant = Timestamp::from_nanos(1_999_999);
    for (value, kind, text, number) in [
        (KeyValue::text("a"), ColumnType::Text, Some("a"), None),
        (KeyValue::from(7_u32), ColumnType::Int, None, Some(7)),
        (KeyValue::from(-7_i64), ColumnType::Int, None, Some(-7)),
        (KeyValue::time(instant), ColumnType::Timestamp, None, Some(1)),
        (KeyValue::Blob(vec![1].into()), ColumnType::Blob, None, None),
    ] {
        assert_eq!((value.kind(), value.as_text(), value.as_int()), (kind, text, number), "{value:?}");
    }
}

#[test]
fn a_key_of_other_columns_is_a_bug_that_debug_builds_find() {
    let wrong: [fn() -> CellKey; 4] = [
        || CellKey::new(&CHECKPOINT, vec![1_i64.into()], Vec::new()),
        || CellKey::new(&CHECKPOINT, vec![1_i64.into(), KeyValue::text("1")], Vec::new()),
        || CellKey::new(&CHECKPOINT, vec![1_i64.into(), 1_i64.into()], vec![1_i64.into()]),
        || CellKey::new(&PAGE, vec![1_i64.into(); 3], vec![KeyValue::Timestamp(1), 1_i64.into()]),
    ];
    for make in wrong {
        assert!(std::panic::catch_unwind(make).is_err());
    }
}

#[test]
fn tables_are_told_apart_by_name() {
    let key = |table| {
        CellKey::new(
            table,
            vec![KeyValue::text("2026-01-31"), 1_i64.into(), 1_i64.into()],
            vec![1_i64.into()],
        )
    };
    let (letter, state) = (key(&DEAD_LETTER), key(&domain::table::DEAD_LETTER_STATE));
    assert_ne!(letter, state);
    assert_ne!(TableRef(&DEAD_LETTER), TableRef(&AGGREGATE));
    assert_eq!(HashSet::from([letter.clone(), state, letter.clone()]).len(), 2);
    assert_eq!(letter.table.clustering.len(), 1, "a reference stands for its table");
    let cell = Cell { key: letter.clone(), timestamp: 5, value: vec![1].into() };
    assert_eq!(cell.clone(), cell);
}

proptest! {
    /// Rows are ordered by their key columns: by bytes, numbers and instants.
    #[test]
    fn values_of_one_type_order_as_what_they_hold(one in ".{0,8}", other in ".{0,8}", numbers in any::<[i64; 2]>()) {
        prop_assert_eq!(KeyValue::text(&one).cmp(&KeyValue::text(&other)), one.as_bytes().cmp(other.as_bytes()));
        let [left, right] = numbers;
        prop_assert_eq!(KeyValue::Int(left).cmp(&KeyValue::Int(right)), left.cmp(&right));
        prop_assert_eq!(KeyValue::Timestamp(left).cmp(&KeyValue::Timestamp(right)), left.cmp(&right));
    }
}
