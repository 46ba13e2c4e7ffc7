//! Months rated from what the store holds: closings, late usage, contracts and prices that change on the way.

use super::*;
use crate::command::Change;
use crate::fixture::*;
use backends::memory::{MemoryStore, ReadFault};
use domain::aggregate::{Row, RowKey};
use domain::calendar::Calendar;
use domain::table::Cell;
use proto::blob::Blob;

fn apply(state: &mut State, change: Change) {
    state.apply(&command(change)).unwrap().unwrap();
}

fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

fn month(text: &str) -> Period {
    Period::parse(text).unwrap()
}

/// `acme` under the plan since January.
fn state() -> State {
    let mut state = begun();
    apply(&mut state, put(contract("one", "acme", "2026-01-01T00:00:00Z", None)));
    state
}

async fn write(store: &MemoryStore, (key, row): (RowKey, Row)) {
    store
        .write(vec![Cell { key: key.cell_key(), timestamp: row.position.raw(), value: row.to_blob() }])
        .await
        .unwrap();
}

async fn write_late(store: &MemoryStore, hour: &str, count: i64, posted: &str) {
    let (key, row) = tokens("acme", hour, count);
    write(store, (RowKey { posted: Period::parse(posted), ..key }, row)).await;
}

/// The charges of a month as (contract, version, adjusted month, amount).
async fn bill(store: &MemoryStore, state: &State, period: &str) -> Vec<(String, u32, String, String)> {
    let rated = rate_stored_month(store, state, &acme(), month(period)).await.unwrap();
    let charges = rated.charges().charges.into_iter().map(|charge| {
        let adjusts = charge.key.adjusts.map_or_else(String::new, |adjusts| adjusts.to_string());
        (charge.key.contract.to_string(), charge.key.plan_version, adjusts, charge.amount.to_string())
    });
    charges.collect()
}

fn row(contract: &str, version: u32, adjusts: &str, amount: &str) -> (String, u32, String, String) {
    (contract.to_owned(), version, adjusts.to_owned(), amount.to_owned())
}

#[tokio::test]
async fn a_month_is_rated_from_all_rows_of_its_days_and_of_no_other() {
    let store = MemoryStore::new();
    for (hour, count) in [
        ("2026-01-31T23:00:00Z", 100_000),
        ("2026-02-01T00:00:00Z", 100),
        ("2026-02-14T12:00:00Z", 200),
        ("2026-02-28T23:00:00Z", 300),
        ("2026-03-01T00:00:00Z", 100_000),
    ] {
        write(&store, tokens("acme", hour, count)).await;
        write(&store, tokens("globex", hour, 1_000_000)).await;
    }
    // 600 tokens at 0.50 the hundred.
    assert_eq!(bill(&store, &state(), "2026-02").await, [row("one", 1, "", "3")]);
    assert_eq!(bill(&store, &state(), "2026-04").await, []);
}

#[tokio::test]
async fn rows_of_all_generations_and_partitions_add_up() {
    let store = MemoryStore::new();
    let (key, row_of) = tokens("acme", "2026-02-01T00:00:00Z", 100);
    for (generation, partition) in [(1, 0), (1, 1), (2, 0), (2, 7)] {
        write(&store, (RowKey { generation, partition, ..key.clone() }, row_of.clone())).await;
    }
    assert_eq!(bill(&store, &state(), "2026-02").await, [row("one", 1, "", "2")]);
}

#[tokio::test]
async fn late_usage_is_billed_where_it_is_posted_once_its_month_was_closed() {
    let store = MemoryStore::new();
    write(&store, tokens("acme", "2026-01-10T00:00:00Z", 100)).await;
    write_late(&store, "2026-01-11T00:00:00Z", 300, "2026-02").await;
    write(&store, tokens("acme", "2026-02-10T00:00:00Z", 200)).await;
    let mut state = state();
    apply(&mut state, Change::ClosePeriod(Calendar::utc(), month("2026-01")));
    assert_eq!(bill(&store, &state, "2026-01").await, [row("one", 1, "", "0.5")]);
    assert_eq!(
        bill(&store, &state, "2026-02").await,
        [row("one", 1, "", "1"), row("one", 1, "2026-01", "1.5")]
    );
}

#[tokio::test]
async fn months_two_back_are_looked_at_and_none_before() {
    let store = MemoryStore::new();
    for late in ["2025-12-31T00:00:00Z", "2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z"] {
        write_late(&store, late, 100, "2026-03").await;
    }
    let mut state = begun();
    apply(&mut state, put(contract("one", "acme", "2025-01-01T00:00:00Z", None)));
    apply(&mut state, plan(&PLAN.replace("2026-01-01", "2025-01-01").replace("0.50", "0.90")));
    for closed in ["2025-12", "2026-01", "2026-02"] {
        apply(&mut state, Change::ClosePeriod(Calendar::utc(), month(closed)));
    }
    assert_eq!(
        bill(&store, &state, "2026-03").await,
        [row("one", 1, "2026-01", "0.5"), row("one", 1, "2026-02", "0.5")]
    );
}

#[tokio::test]
async fn versions_and_contracts_divide_a_month_at_their_quarter() {
    let store = MemoryStore::new();
    for hour in ["2026-02-09T23:00:00Z", "2026-02-10T00:00:00Z", "2026-02-20T00:00:00Z"] {
        write(&store, tokens("acme", hour, 100)).await;
    }
    let mut state = begun();
    apply(&mut state, plan(&PLAN.replace("2026-01-01", "2026-02-10").replace("0.50", "0.70")));
    apply(&mut state, put(contract("one", "acme", "2026-01-01T00:00:00Z", Some("2026-02-20T00:00:00Z"))));
    let mut pinned = contract("two", "acme", "2026-02-20T00:00:00Z", None);
    pinned.1.plan_version = Some(1);
    apply(&mut state, put(pinned));
    assert_eq!(
        bill(&store, &state, "2026-02").await,
        [row("one", 1, "", "0.5"), row("one", 2, "", "0.7"), row("two", 1, "", "0.5")]
    );
}

#[tokio::test]
async fn usage_of_a_tenant_that_is_gone_is_still_rated_by_its_contracts() {
    let store = MemoryStore::new();
    write(&store, tokens("acme", "2026-02-01T00:00:00Z", 100)).await;
    let mut state = begun();
    apply(&mut state, put(contract("one", "acme", "2026-01-01T00:00:00Z", Some("2026-03-01T00:00:00Z"))));
    apply(&mut state, Change::Delete(crate::resource::ResourceName::Tenant(acme())));
    assert!(state.tenants().find(&acme()).is_none());
    assert_eq!(state.tenants().all().count(), 1, "it is there for those who add up");
    assert_eq!(bill(&store, &state, "2026-02").await, [row("one", 1, "", "0.5")]);
}

#[tokio::test]
async fn a_month_that_cannot_be_read_is_an_error_and_no_bill() {
    let store = MemoryStore::new();
    write(&store, tokens("acme", "2026-02-01T00:00:00Z", 100)).await;
    for fault in [ReadFault::Unavailable, ReadFault::Damaged] {
        store.script_reads([Some(fault)]);
        assert!(rate_stored_month(&store, &state(), &acme(), month("2026-02")).await.is_err(), "{fault:?}");
    }
    assert_eq!(bill(&store, &state(), "2026-02").await, [row("one", 1, "", "0.5")]);
}

#[tokio::test]
async fn chunks_of_any_size_give_the_same_bill() {
    let store = MemoryStore::new();
    for hour in 0..24 {
        write(&store, tokens("acme", &format!("2026-02-01T{hour:02}:00:00Z"), 10)).await;
    }
    for cells in [1, 2, 5, 1_000] {
        store.set_chunk_cells(cells);
        assert_eq!(bill(&store, &state(), "2026-02").await, [row("one", 1, "", "1.2")], "{cells}");
    }
}
