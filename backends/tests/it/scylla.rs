//! The store on a real CQL server, in a keyspace of its own for each test.

mod faults;
mod keyspace;
mod schema;

use backends::conformance::store::{cell, store_suite};
use backends::scylla::{OpenError, ScyllaStore};
use domain::port::{CellStore, ClusteringRange, PageState, Query, StoreError, read_all};
use domain::table::{CHARGE, Cell, CellKey, KeyValue, LEDGER, TABLES};
use keyspace::Keyspace;

fn ledger(bucket: i64) -> Vec<KeyValue> {
    [1, 0, bucket, 0].map(KeyValue::Int).to_vec()
}

fn block(bucket: i64, number: i64) -> CellKey {
    CellKey::new(&LEDGER, ledger(bucket), vec![number.into()])
}

fn charge(tenant: &str, period: &str) -> CellKey {
    CellKey::new(&CHARGE, vec![KeyValue::text(tenant)], vec![KeyValue::text(period)])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cql_store_keeps_the_rules() {
    keyspace::with_schema(async |keyspace| store_suite(&*keyspace.open().await).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cql_store_does_what_its_engine_is_there_for() {
    keyspace::with_schema(async |keyspace| {
        let store = keyspace.open().await;
        the_stamp_of_a_cell_is_the_write_time_of_its_row(&store, keyspace).await;
        rows_expire_where_the_table_says_so_also_when_they_are_written_again(&store, keyspace).await;
        pages_are_sized_by_what_came_before_and_resume_in_another_process(&store, keyspace).await;
        a_range_resumes_within_its_bounds(&store).await;
        what_somebody_wrote_without_a_value_is_damage(&store, keyspace).await;
        what_is_no_page_state_is_refused(&store).await;
        a_flush_of_two_thousand_rows_is_whole(&store).await;
    })
    .await;
}

async fn the_stamp_of_a_cell_is_the_write_time_of_its_row(store: &ScyllaStore, keyspace: &Keyspace) {
    let cells = [1, 2, 3].map(|number| cell(block(1, number), number * 256 + 1, "v")).to_vec();
    store.write(cells.clone()).await.unwrap();
    let alone = cell(charge("stamps", "2026-01"), 4_000_000_000, "v");
    store.write(vec![alone.clone()]).await.unwrap();
    let batch: Vec<(i64,)> =
        keyspace.rows("WRITETIME(value) FROM ks.ledger WHERE bucket = 1 ALLOW FILTERING").await;
    assert_eq!(batch, [(257,), (513,), (769,)], "a batch keeps the stamp of each of its cells");
    let single: Vec<(i64,)> = keyspace.rows("WRITETIME(value) FROM ks.charge WHERE tenant = 'stamps'").await;
    assert_eq!(single, [(4_000_000_000,)]);
    assert_eq!(read_all(store, Query::all(&LEDGER, ledger(1))).await.unwrap(), cells);
    assert_eq!(read_all(store, Query::one(&alone.key)).await.unwrap(), [alone]);
}

async fn rows_expire_where_the_table_says_so_also_when_they_are_written_again(
    store: &ScyllaStore,
    keyspace: &Keyspace,
) {
    let left = "TTL(value) FROM ks.ledger WHERE bucket = 2 ALLOW FILTERING";
    let seconds = i32::try_from(LEDGER.ttl_seconds.unwrap()).unwrap();
    for (position, value) in [(1, "old"), (2, "the same block with more in it")] {
        store.write(vec![cell(block(2, 1), position, value)]).await.unwrap();
        let left: Vec<(Option<i32>,)> = keyspace.rows(left).await;
        assert!((seconds - 60..=seconds).contains(&left[0].0.unwrap()), "{left:?}");
    }
    store.write(vec![cell(charge("for ever", "2026-01"), 1, "v")]).await.unwrap();
    let never: Vec<(Option<i32>,)> =
        keyspace.rows("TTL(value) FROM ks.charge WHERE tenant = 'for ever'").await;
    assert_eq!(never, [(None,)]);
}

async fn pages_are_sized_by_what_came_before_and_resume_in_another_process(
    store: &ScyllaStore,
    keyspace: &Keyspace,
) {
    let cells: Vec<Cell> = (0..700).map(|number| cell(block(3, number), 1, vec![7; 8 * 1024])).collect();
    store.write(cells.clone()).await.unwrap();
    let other = keyspace.open().await;
    let mut query = Query::all(&LEDGER, ledger(3));
    let (mut found, mut pages) = (Vec::new(), Vec::new());
    loop {
        let reader = if pages.len() % 2 == 0 { store } else { &*other };
        let chunk = reader.read(&query).await.unwrap();
        pages.push(chunk.cells.len());
        found.extend(chunk.cells);
        match chunk.next {
            Some(next) => query.resume = Some(next),
            None => break,
        }
    }
    assert_eq!(found, cells);
    assert_eq!(pages[..4], [256, 128, 128, 128], "a first page, then pages of 1 MiB");
}

async fn a_range_resumes_within_its_bounds(store: &ScyllaStore) {
    let cells: Vec<Cell> = (0..900).map(|number| cell(block(4, number), 1, "v")).collect();
    store.write(cells.clone()).await.unwrap();
    let range =
        ClusteringRange { prefix: vec![], from: Some(KeyValue::Int(10)), to: Some(KeyValue::Int(890)) };
    let query = Query::all(&LEDGER, ledger(4)).within(range);
    assert!(store.read(&query).await.unwrap().next.is_some(), "more than a page");
    assert_eq!(read_all(store, query).await.unwrap(), cells[10..890]);
}

async fn what_somebody_wrote_without_a_value_is_damage(store: &ScyllaStore, keyspace: &Keyspace) {
    keyspace.run("INSERT INTO ks.charge (tenant, period) VALUES ('hollow', '2026-01')").await;
    let read = read_all(store, Query::all(&CHARGE, vec![KeyValue::text("hollow")])).await;
    assert_eq!(read, Err(StoreError::Damaged { table: "charge", key: "hollow/2026-01".to_owned() }));
}

async fn what_is_no_page_state_is_refused(store: &ScyllaStore) {
    let foreign = [&256_i32.to_le_bytes()[..], b"from somewhere else"].concat();
    for state in [b"x".to_vec(), foreign] {
        let query = Query { resume: Some(PageState(state.into())), ..Query::all(&LEDGER, ledger(3)) };
        let read = store.read(&query).await;
        assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    }
}

async fn a_flush_of_two_thousand_rows_is_whole(store: &ScyllaStore) {
    let tenant = |number: i64| format!("flush-{}", number % 40);
    let key = |number: i64| charge(&tenant(number), &format!("{number:04}"));
    store.write((0..2_000).map(|number| cell(key(number), number, vec![1; 500])).collect()).await.unwrap();
    let mut found = 0;
    for number in 0..40 {
        let cells =
            read_all(store, Query::all(&CHARGE, vec![KeyValue::text(&tenant(number))])).await.unwrap();
        assert!(cells.iter().all(|cell| cell.key == key(cell.timestamp)));
        found += cells.len();
    }
    assert_eq!(found, 2_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_opens_on_no_other_schema_than_its_own() {
    keyspace::with(async |keyspace| {
        let Err(OpenError::Schema(findings)) = keyspace.try_open().await else { panic!("nothing is there") };
        assert_eq!(findings.len(), 1 + TABLES.len());
    })
    .await;
}
