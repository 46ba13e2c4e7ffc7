//! Rows of a table with a time to live are gone when it is over, swept or not.

use crate::clock;
use backends::embedded::Embedded;
use domain::port::{CellStore, Query, read_all};
use domain::table::{Cell, CellKey, KeyValue, LEDGER};

fn partition() -> Vec<KeyValue> {
    vec![1_i64.into(), 0_i64.into(), 0_i64.into(), 0_i64.into()]
}

fn cell(block: i64, timestamp: i64) -> Cell {
    Cell { key: CellKey::new(&LEDGER, partition(), vec![block.into()]), timestamp, value: "ids".into() }
}

#[tokio::test]
async fn a_row_expires_after_its_last_write() {
    let time = clock();
    let store = Embedded::ephemeral(time.clone()).unwrap().store;
    let ttl = LEDGER.ttl_seconds.unwrap();
    let blocks = async || read_all(&*store, Query::all(&LEDGER, partition())).await.unwrap();
    store.write(vec![cell(1, 5), cell(2, 5), cell(3, 5)]).await.unwrap();
    time.advance(ttl - 1);
    store.write(vec![cell(2, 5), cell(3, 6)]).await.unwrap();
    assert_eq!(blocks().await, [cell(1, 5), cell(2, 5), cell(3, 6)]);
    time.advance(1);
    assert_eq!(blocks().await, [cell(2, 5), cell(3, 6)], "those written again live on");
    assert_eq!(store.sweep().await, Ok(1));
    time.advance(ttl);
    assert_eq!(blocks().await, []);
    store.write(vec![cell(3, 1)]).await.unwrap();
    assert_eq!(blocks().await, [cell(3, 1)], "an expired row wins over nothing");
    assert_eq!(store.sweep().await, Ok(1));
    assert_eq!(blocks().await, [cell(3, 1)]);
}

#[tokio::test]
async fn a_sweep_goes_on_until_all_is_gone() {
    let time = clock();
    let store = Embedded::ephemeral(time.clone()).unwrap().store;
    store.write((0..2_345).map(|block| cell(block, 1)).collect()).await.unwrap();
    time.advance(LEDGER.ttl_seconds.unwrap());
    assert_eq!(store.sweep().await, Ok(2_345));
}
