//! A full disk: a clear refusal, nothing half-written, and on it goes when there is room again.

use crate::{charge, open};
use backends::conformance::log::{read_to_end, record};
use domain::port::{CellStore, Log, LogError, Query, StoreError, TopicPartition, read_all};
use domain::table::{CHARGE, Cell, KeyValue};

const ROOM: u64 = 512 * 1024;

#[tokio::test]
async fn a_log_without_room_refuses_and_goes_on_later() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path()).log;
    let at = TopicPartition::new("full", 0);
    log.declare("full", 1).await.unwrap();
    log.set_bytes_max(ROOM);
    let mut next = 0;
    let refused = loop {
        match log.append(&at, vec![record(vec![7; 30_000]), record("small")]).await {
            Ok(offsets) => {
                assert_eq!(offsets, [next, next + 1]);
                next += 2;
            }
            Err(error) => break error,
        }
    };
    assert_eq!(refused, LogError::Overloaded("the disk is full".into()));
    assert!(next > 10, "there was room for {next} records");
    assert_eq!(log.watermarks(&at).await.unwrap().high, next);
    assert_eq!(read_to_end(&*log, &at, 0).await.len() as u64, next);
    log.set_bytes_max(4 * ROOM);
    assert_eq!(log.append(&at, vec![record(vec![8; 30_000])]).await, Ok(vec![next]));
    drop(log);
    let entries = read_to_end(&*open(directory.path()).log, &at, 0).await;
    assert_eq!(entries.len() as u64, next + 1);
    assert_eq!(entries.last().unwrap().value, vec![8; 30_000]);
}

#[tokio::test]
async fn a_store_without_room_refuses_and_goes_on_later() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).store;
    store.set_bytes_max(ROOM);
    let write = |number: u64| {
        let cell = |key, fill| Cell { key: charge(key), timestamp: 1, value: vec![fill; 15_000].into() };
        store.write(vec![cell(2 * number, 1), cell(2 * number + 1, 2)])
    };
    let mut written = 0;
    let refused = loop {
        match write(written).await {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, StoreError::Overloaded("the disk is full".into()));
    let count = async || {
        let cells = read_all(&*store, Query::all(&CHARGE, vec![KeyValue::text("acme")])).await.unwrap();
        cells.len() as u64
    };
    assert!(written > 5, "there was room for {written} writes");
    assert_eq!(count().await, 2 * written);
    store.set_bytes_max(4 * ROOM);
    write(written).await.unwrap();
    assert_eq!(count().await, 2 * written + 2);
}
