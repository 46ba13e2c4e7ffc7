//! The rules of the store. Every rule uses partition keys of its own, so one store serves them all.

use crate::bounds::CELL_BYTES_MAX;
use bytes::Bytes;
use domain::port::{CellStore, ClusteringRange, Query, StoreError, read_all};
use domain::table::{
    CHARGE, CHECKPOINT, CHECKPOINT_HISTORY, Cell, CellKey, KeyValue, LEDGER, WORKER_CHECKPOINT,
};
use futures::future::join_all;

/// Runs all rules on an empty store.
pub async fn store_suite(store: &dyn CellStore) {
    what_was_never_written_is_nothing(store).await;
    of_two_writes_the_larger_timestamp_wins_then_the_larger_value(store).await;
    the_order_of_arrival_does_not_matter(store).await;
    the_same_write_again_changes_nothing(store).await;
    cells_of_one_write_may_share_a_key(store).await;
    an_answer_is_complete_over_many_chunks(store).await;
    large_cells_are_read_whole(store).await;
    texts_are_ordered_by_their_bytes_and_cut_to_the_range(store).await;
    numbers_are_ordered_by_value_and_cut_to_the_range(store).await;
    instants_are_ordered_and_cut_to_the_range(store).await;
    a_prefix_of_the_columns_narrows_a_read(store).await;
    a_key_without_clustering_holds_one_cell(store).await;
    a_cell_over_the_bound_refuses_the_whole_write(store).await;
}

/// A cell with a value.
pub fn cell(key: CellKey, timestamp: i64, value: impl Into<Bytes>) -> Cell {
    Cell { key, timestamp, value: value.into() }
}

fn charge(tenant: &str, period: &str) -> CellKey {
    CellKey::new(&CHARGE, vec![KeyValue::text(tenant)], vec![KeyValue::text(period)])
}

fn ledger(bucket: i64) -> Vec<KeyValue> {
    vec![1_i64.into(), 0_i64.into(), bucket.into(), 0_i64.into()]
}

fn block(bucket: i64, block: i64) -> CellKey {
    CellKey::new(&LEDGER, ledger(bucket), vec![block.into()])
}

async fn write(store: &dyn CellStore, cells: Vec<Cell>) {
    store.write(cells).await.expect("the store has room");
}

async fn read(store: &dyn CellStore, query: Query) -> Vec<Cell> {
    read_all(store, query).await.expect("the store can be read")
}

/// Reads the first clustering column of the cells within a range.
async fn first_column(store: &dyn CellStore, query: Query) -> Vec<KeyValue> {
    read(store, query).await.into_iter().map(|cell| cell.key.clustering[0].clone()).collect()
}

fn span(from: Option<KeyValue>, to: Option<KeyValue>) -> ClusteringRange {
    ClusteringRange { prefix: Vec::new(), from, to }
}

/// Nothing is an answer, not an error.
pub async fn what_was_never_written_is_nothing(store: &dyn CellStore) {
    assert_eq!(read(store, Query::one(&charge("nobody", "2026-01"))).await, []);
    assert_eq!(read(store, Query::all(&LEDGER, ledger(-1))).await, []);
}

/// The tie rule: timestamps first, then values as bytes, a prefix being the smaller.
pub async fn of_two_writes_the_larger_timestamp_wins_then_the_larger_value(store: &dyn CellStore) {
    let key = charge("tie", "2026-01");
    let steps: [(i64, &str, i64, &str); 8] = [
        (10, "m", 10, "m"),
        (9, "z", 10, "m"),
        (10, "l", 10, "m"),
        (10, "", 10, "m"),
        (10, "mm", 10, "mm"),
        (10, "m", 10, "mm"),
        (11, "a", 11, "a"),
        (i64::MIN + 1, "zz", 11, "a"),
    ];
    for (timestamp, value, expected_timestamp, expected) in steps {
        write(store, vec![cell(key.clone(), timestamp, value.to_owned())]).await;
        let expected = cell(key.clone(), expected_timestamp, expected.to_owned());
        assert_eq!(read(store, Query::one(&key)).await, [expected], "after {timestamp} {value:?}");
    }
    let negative = charge("tie", "2026-02");
    write(store, vec![cell(negative.clone(), -5, vec![0x7f]), cell(negative.clone(), -5, vec![0xff])]).await;
    let larger = cell(negative.clone(), -5, vec![0xff]);
    assert_eq!(read(store, Query::one(&negative)).await, [larger], "bytes are compared without sign");
}

/// Concurrent writers of one cell end in the same version, whoever came last.
pub async fn the_order_of_arrival_does_not_matter(store: &dyn CellStore) {
    let key = charge("concurrent", "2026-01");
    let versions =
        (0..40_i64).map(|index| cell(key.clone(), index * 7 % 10, format!("{:02}", index * 3 % 40)));
    join_all(versions.map(|version| write(store, vec![version]))).await;
    // Timestamp 9 is given to the indices 7, 17, 27, 37, whose values are 21, 11, 01 and 31.
    assert_eq!(read(store, Query::one(&key)).await, [cell(key, 9, "31")]);
}

/// What a writer does after an unknown outcome.
pub async fn the_same_write_again_changes_nothing(store: &dyn CellStore) {
    let cells = vec![cell(block(100, 0), 5, "a"), cell(block(100, 1), 6, "b")];
    for _ in 0..3 {
        write(store, cells.clone()).await;
        assert_eq!(read(store, Query::all(&LEDGER, ledger(100))).await, cells);
    }
}

/// A write may hold two versions of one cell, in either order.
pub async fn cells_of_one_write_may_share_a_key(store: &dyn CellStore) {
    let (old, new) = (cell(block(101, 0), 1, "old"), cell(block(101, 0), 2, "new"));
    write(store, vec![new.clone(), old]).await;
    assert_eq!(read(store, Query::all(&LEDGER, ledger(101))).await, [new]);
}

/// More cells than any chunk holds: all of them, once, in order.
pub async fn an_answer_is_complete_over_many_chunks(store: &dyn CellStore) {
    const CELLS: i64 = 12_345;
    let cells = (0..CELLS).rev().map(|number| cell(block(102, number), 1, number.to_le_bytes().to_vec()));
    write(store, cells.collect()).await;
    let found = read(store, Query::all(&LEDGER, ledger(102))).await;
    let numbers = found.iter().map(|cell| cell.key.clustering[0].clone());
    assert!(numbers.eq((0..CELLS).map(KeyValue::Int)), "{} cells", found.len());
    let query =
        Query::all(&LEDGER, ledger(102)).within(span(Some(KeyValue::Int(100)), Some(KeyValue::Int(11_000))));
    assert_eq!(read(store, query).await.len(), 10_900);
}

/// Cells that fill a chunk each.
pub async fn large_cells_are_read_whole(store: &dyn CellStore) {
    let values: Vec<Vec<u8>> = (0..3).map(|fill| vec![fill; CELL_BYTES_MAX - 1_000]).collect();
    for (number, value) in (0..).zip(&values) {
        write(store, vec![cell(block(103, number), 1, value.clone())]).await;
    }
    let found = read(store, Query::all(&LEDGER, ledger(103))).await;
    assert!(found.iter().map(|cell| &cell.value[..]).eq(values.iter().map(|value| &value[..])));
}

/// Text: by bytes of UTF-8, not by any alphabet.
pub async fn texts_are_ordered_by_their_bytes_and_cut_to_the_range(store: &dyn CellStore) {
    let ordered = ["", "2025-12", "2026-01", "Z", "a", "ab", "é", "\u{10ffff}"];
    for period in ["ab", "2026-01", "é", "", "a", "\u{10ffff}", "Z", "2025-12"] {
        write(store, vec![cell(charge("texts", period), 1, "")]).await;
    }
    let within = async |from: Option<&str>, to: Option<&str>| {
        let range = span(from.map(KeyValue::text), to.map(KeyValue::text));
        first_column(store, Query::all(&CHARGE, vec![KeyValue::text("texts")]).within(range)).await
    };
    assert_eq!(within(None, None).await, ordered.map(KeyValue::text));
    assert_eq!(within(Some("2026-01"), Some("ab")).await, ["2026-01", "Z", "a"].map(KeyValue::text));
    assert_eq!(within(Some("b"), None).await, ["é", "\u{10ffff}"].map(KeyValue::text));
    assert_eq!(within(None, Some("")).await, []);
}

/// Numbers: the negative ones come first.
pub async fn numbers_are_ordered_by_value_and_cut_to_the_range(store: &dyn CellStore) {
    let numbers = [i64::MIN, -10, -9, 0, 9, 10, i64::MAX];
    write(store, numbers.iter().rev().map(|number| cell(block(104, *number), 1, "")).collect()).await;
    let within = async |from: Option<i64>, to: Option<i64>| {
        let range = span(from.map(KeyValue::Int), to.map(KeyValue::Int));
        first_column(store, Query::all(&LEDGER, ledger(104)).within(range)).await
    };
    assert_eq!(within(None, None).await, numbers.map(KeyValue::Int));
    assert_eq!(within(Some(-9), Some(10)).await, [-9, 0, 9].map(KeyValue::Int));
    assert_eq!(within(Some(11), None).await, [KeyValue::Int(i64::MAX)]);
    assert_eq!(within(Some(5), Some(5)).await, []);
}

/// Instants: in milliseconds, also before the epoch.
pub async fn instants_are_ordered_and_cut_to_the_range(store: &dyn CellStore) {
    let partition = vec![104_i64.into(), 0_i64.into()];
    let key =
        |millis| CellKey::new(&CHECKPOINT_HISTORY, partition.clone(), vec![KeyValue::Timestamp(millis)]);
    write(store, [7, -1, 1_700_000_000_000, 0].map(|millis| cell(key(millis), 1, "")).to_vec()).await;
    let range = span(Some(KeyValue::Timestamp(-1)), Some(KeyValue::Timestamp(1_700_000_000_000)));
    let query = Query::all(&CHECKPOINT_HISTORY, partition.clone()).within(range);
    assert_eq!(first_column(store, query).await, [-1, 0, 7].map(KeyValue::Timestamp));
}

/// The columns after a prefix can be cut as well.
pub async fn a_prefix_of_the_columns_narrows_a_read(store: &dyn CellStore) {
    use domain::table::PAGE;
    let partition = vec![1_i64.into(), 0_i64.into(), 104_i64.into()];
    let key =
        |offset: i64, part: i64| CellKey::new(&PAGE, partition.clone(), vec![offset.into(), part.into()]);
    let keys = [(1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (3, 0)];
    write(store, keys.map(|(offset, part)| cell(key(offset, part), 1, "")).to_vec()).await;
    let within = async |from: Option<i64>, to: Option<i64>| {
        let (from, to) = (from.map(KeyValue::Int), to.map(KeyValue::Int));
        let range = ClusteringRange { prefix: vec![2_i64.into()], from, to };
        let cells = read(store, Query::all(&PAGE, partition.clone()).within(range)).await;
        cells.into_iter().map(|cell| cell.key).collect::<Vec<_>>()
    };
    assert_eq!(within(None, None).await, [key(2, 0), key(2, 1), key(2, 2)]);
    assert_eq!(within(Some(1), Some(2)).await, [key(2, 1)]);
    assert_eq!(read(store, Query::one(&key(2, 1))).await.len(), 1);
}

/// A table may have partition-key columns only.
pub async fn a_key_without_clustering_holds_one_cell(store: &dyn CellStore) {
    let key = |partition: i64| CellKey::new(&CHECKPOINT, vec![104_i64.into(), partition.into()], Vec::new());
    write(store, vec![cell(key(0), 1, "a"), cell(key(1), 1, "b"), cell(key(0), 2, "c")]).await;
    assert_eq!(read(store, Query::one(&key(0))).await, [cell(key(0), 2, "c")]);
    assert_eq!(read(store, Query::all(&CHECKPOINT, key(1).partition)).await, [cell(key(1), 1, "b")]);
}

/// Refused before anything is written.
pub async fn a_cell_over_the_bound_refuses_the_whole_write(store: &dyn CellStore) {
    let key = |number: i64| {
        let partition = vec![KeyValue::text("bound"), KeyValue::text("topic")];
        CellKey::new(&WORKER_CHECKPOINT, partition, vec![number.into()])
    };
    let cells = vec![cell(key(0), 1, "small"), cell(key(1), 1, vec![0; CELL_BYTES_MAX])];
    let refused = store.write(cells).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { .. })), "{refused:?}");
    assert_eq!(read(store, Query::all(&WORKER_CHECKPOINT, key(0).partition)).await, []);
}
