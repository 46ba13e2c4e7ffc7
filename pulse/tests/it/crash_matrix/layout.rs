//! Eight partitions become twelve, and a busy tenant is spread over four of them, while pulses come in.

use super::super::acknowledged::{self, TENANTS};
use super::super::house::House;
use super::cast::{CATALOG, Cast, Role};
use domain::hash::fixed_hash;
use domain::port::Clock;
use domain::time::Timestamp;
use pulse::system_clock::SystemClock;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

const PARTITIONS: [u64; 2] = [8, 12];
const SHARDS: u64 = 4;
/// The catalogue asks for a notice of 15 minutes; its clock is so far behind that a few seconds are enough.
const BEHIND_SECONDS: i64 = 890;
const NOTICE_SECONDS: i64 = 900 - BEHIND_SECONDS + 6;
/// How long pulses come in under the new layout.
const AFTER_SECONDS: i64 = 6;

#[test]
fn partitions_that_are_added_under_load_lose_and_double_nothing() {
    let Some(house) = House::find() else { return };
    let house = house.with("PULSE_KAFKA__PARTITIONS", &PARTITIONS[0].to_string());
    let mut cast = Cast::begin_ahead(&house, 14, |name| if name == CATALOG { -BEHIND_SECONDS } else { 0 });
    cast.tend(Duration::from_secs(2));
    let valid_from = Timestamp::from_seconds(SystemClock.now().seconds() + NOTICE_SECONDS);
    let (catalog, from) = (cast.pick(Role::Catalog), valid_from.to_string());
    let [partitions, shards] = [PARTITIONS[1], SHARDS].map(|count| count.to_string());
    cast.ask(catalog, &["catalog", "add-generation", "--partitions", &partitions, "--valid-from", &from]);
    let split = ["catalog", "split-tenant", TENANTS[0], "--shards", &shards, "--valid-from", &from];
    let layout = cast.ask(catalog, &split);
    assert_eq!(layout["items"].as_array().unwrap().len(), 3, "{layout}");
    cast.tend_until("the new layout", |_| SystemClock.now() > valid_from);
    let consumer = cast.pick(Role::Consumer);
    cast.kill(consumer, None);
    let enough = valid_from.plus_seconds(AFTER_SECONDS);
    cast.tend_until("pulses under the new layout", |_| SystemClock.now() > enough);
    let (query, told) = cast.settle();
    let tally = acknowledged::check(&query, &told).unwrap_or_else(|fault| panic!("{fault}"));
    eprintln!("8 partitions, then 12, one tenant over 4: {tally}");
    let books = query.json(0, &["reconcile"]);
    let before = PARTITIONS[0];
    assert_eq!(used(&books, 1), TENANTS.map(|tenant| place(tenant, 0, before)).into(), "{books}");
    let mut after: BTreeSet<u64> = (0..SHARDS).map(|shard| place(TENANTS[0], shard, PARTITIONS[1])).collect();
    after.insert(place(TENANTS[1], 0, PARTITIONS[1]));
    assert_eq!(used(&books, 2), after, "{books}");
    let counted: u64 = entries(&books, 2).map(|entry| number(&entry["applied"])).sum();
    assert_eq!(counted, acknowledged_since(&told, valid_from.seconds()));
    assert!(counted > 100, "{books}");
}

/// As the routing is described: the tenant's hash and the shard, over the partitions.
fn place(tenant: &str, shard: u64, partitions: u64) -> u64 {
    (fixed_hash(tenant.as_bytes()) % partitions + shard) % partitions
}

fn entries(books: &Value, generation: u64) -> impl Iterator<Item = &Value> {
    let all = books["partitions"].as_array().unwrap().iter();
    all.filter(move |entry| entry["generation"] == generation)
}

/// The partitions of a generation that received anything.
fn used(books: &Value, generation: u64) -> BTreeSet<u64> {
    let used = entries(books, generation).filter(|entry| number(&entry["received"]) > 0);
    used.map(|entry| entry["partition"].as_u64().unwrap()).collect()
}

fn number(text: &Value) -> u64 {
    text.as_str().unwrap().parse().unwrap()
}

/// Distinct pulses whose event time is that or later.
fn acknowledged_since(told: &Path, seconds: i64) -> u64 {
    let text = std::fs::read_to_string(told).unwrap();
    let since = text.lines().filter_map(|line| {
        let [tenant, _, event, id, _] = line.split(',').collect::<Vec<_>>().try_into().unwrap();
        (event.parse::<i64>().unwrap() >= seconds).then_some((tenant, id))
    });
    since.collect::<BTreeSet<_>>().len() as u64
}
