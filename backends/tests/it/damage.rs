//! A flipped byte in a file is named and never returned.

use crate::{charge, open};
use backends::conformance::log::{EVERYTHING, record};
use domain::port::{CellStore, Log, LogError, Query, StoreError, TopicPartition, read_all};
use domain::table::{CHARGE, Cell, KeyValue};
use std::path::Path;

/// Flips one bit of the only place in a file that holds these bytes.
fn flip(file: &Path, bytes: &[u8]) {
    let mut content = std::fs::read(file).unwrap();
    let places: Vec<usize> = content
        .windows(bytes.len())
        .enumerate()
        .filter(|(_, window)| *window == bytes)
        .map(|(place, _)| place)
        .collect();
    assert_eq!(places.len(), 1, "the bytes lie in one place");
    content[places[0] + bytes.len() / 2] ^= 1;
    std::fs::write(file, content).unwrap();
}

#[tokio::test]
async fn a_flipped_byte_in_a_record_is_named_and_its_neighbours_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let at = TopicPartition::new("flipped", 0);
    let log = open(directory.path()).log;
    log.declare("flipped", 1).await.unwrap();
    log.append(&at, ["before", "the one that is hit", "after"].map(record).to_vec()).await.unwrap();
    drop(log);
    flip(&directory.path().join("log.db"), b"the one that is hit");
    let log = open(directory.path()).log;
    let good = log.read(&at, 0, EVERYTHING).await.unwrap();
    assert_eq!((good.len(), &good[0].value[..]), (1, &b"before"[..]));
    let damaged = LogError::Damaged { offset: 1, detail: "its check fails".into() };
    assert_eq!(log.read(&at, 1, EVERYTHING).await, Err(damaged));
    assert_eq!(log.read(&at, 2, EVERYTHING).await.unwrap()[0].value, "after");
}

#[tokio::test]
async fn a_record_that_was_cut_out_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let at = TopicPartition::new("cut", 0);
    let log = open(directory.path()).log;
    log.declare("cut", 1).await.unwrap();
    log.append(&at, ["a", "b", "c"].map(record).to_vec()).await.unwrap();
    drop(log);
    let file = rusqlite::Connection::open(directory.path().join("log.db")).unwrap();
    file.execute("DELETE FROM record WHERE value = CAST('b' AS BLOB)", ()).unwrap();
    let log = open(directory.path()).log;
    assert_eq!(log.read(&at, 0, EVERYTHING).await.unwrap().len(), 1);
    let damaged = LogError::Damaged { offset: 1, detail: "it is missing".into() };
    assert_eq!(log.read(&at, 1, EVERYTHING).await, Err(damaged));
}

#[tokio::test]
async fn a_flipped_byte_in_a_cell_fails_the_whole_read_and_names_the_key() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).store;
    let cell = |number, value: &'static str| Cell { key: charge(number), timestamp: 1, value: value.into() };
    store.write(vec![cell(1, "good"), cell(2, "the sum of all"), cell(3, "good too")]).await.unwrap();
    drop(store);
    flip(&directory.path().join("store.db"), b"the sum of all");
    let store = open(directory.path()).store;
    let damaged = StoreError::Damaged { table: "charge", key: "acme/00000002".into() };
    let all = Query::all(&CHARGE, vec![KeyValue::text("acme")]);
    assert_eq!(read_all(&*store, all).await, Err(damaged.clone()));
    assert_eq!(read_all(&*store, Query::one(&charge(2))).await, Err(damaged));
    assert_eq!(read_all(&*store, Query::one(&charge(3))).await, Ok(vec![cell(3, "good too")]));
}

/// Changes stored values as a faulty disk or a careless hand would, past every check of the engine.
fn tamper(file: &Path, sql: &str) {
    let changed = rusqlite::Connection::open(file).unwrap().execute(sql, ()).unwrap();
    assert_eq!(changed, 1, "{sql}");
}

#[tokio::test]
async fn whatever_is_changed_in_the_row_of_a_record_is_named() {
    for change in [
        "UPDATE record SET value = CAST('A' AS BLOB) WHERE value = CAST('a' AS BLOB)",
        "UPDATE record SET timestamp = timestamp + 1 WHERE value = CAST('a' AS BLOB)",
        "UPDATE record SET headers = x'00000000' WHERE value = CAST('a' AS BLOB)",
        "UPDATE record SET crc = crc + 1 WHERE value = CAST('a' AS BLOB)",
        "UPDATE record SET crc = 'text' WHERE value = CAST('a' AS BLOB)",
        "UPDATE record SET value = 'a' WHERE value = CAST('a' AS BLOB)",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let at = TopicPartition::new("changed", 0);
        let log = open(directory.path()).log;
        log.declare("changed", 1).await.unwrap();
        log.append(&at, ["a", "b"].map(record).to_vec()).await.unwrap();
        drop(log);
        tamper(&directory.path().join("log.db"), change);
        let log = open(directory.path()).log;
        let read = log.read(&at, 0, EVERYTHING).await;
        assert!(matches!(read, Err(LogError::Damaged { offset: 0, .. })), "{change}: {read:?}");
        assert_eq!(log.read(&at, 1, EVERYTHING).await.unwrap()[0].value, "b", "{change}");
    }
}

#[tokio::test]
async fn records_that_change_places_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let at = TopicPartition::new("swapped", 0);
    let log = open(directory.path()).log;
    log.declare("swapped", 1).await.unwrap();
    log.append(&at, ["a", "b", "c"].map(record).to_vec()).await.unwrap();
    drop(log);
    let file = directory.path().join("log.db");
    tamper(&file, "UPDATE record SET id = -1 WHERE value = CAST('a' AS BLOB)");
    tamper(&file, "UPDATE record SET id = id - 1 WHERE value = CAST('b' AS BLOB)");
    let log = open(directory.path()).log;
    let damaged = |offset, detail: &str| Err(LogError::Damaged { offset, detail: detail.into() });
    assert_eq!(log.read(&at, 0, EVERYTHING).await, damaged(0, "its check fails"), "it stood elsewhere");
    assert_eq!(log.read(&at, 1, EVERYTHING).await, damaged(1, "it is missing"));
    assert_eq!(log.read(&at, 2, EVERYTHING).await.unwrap()[0].value, "c");
}

#[tokio::test]
async fn whatever_is_changed_in_the_row_of_a_cell_is_named() {
    for change in [
        "UPDATE charge SET value = CAST('w' AS BLOB)",
        "UPDATE charge SET value = 'v'",
        "UPDATE charge SET write_timestamp = write_timestamp + 1",
        "UPDATE charge SET crc = crc + 1",
        "UPDATE charge SET period = '00000002'",
        "UPDATE charge SET tenant = 'other'",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path()).store;
        store.write(vec![Cell { key: charge(1), timestamp: 1, value: "v".into() }]).await.unwrap();
        drop(store);
        tamper(&directory.path().join("store.db"), change);
        let tenant = if change.contains("tenant") { "other" } else { "acme" };
        let all = Query::all(&CHARGE, vec![KeyValue::text(tenant)]);
        let read = read_all(&*open(directory.path()).store, all).await;
        assert!(matches!(read, Err(StoreError::Damaged { table: "charge", .. })), "{change}: {read:?}");
    }
}
