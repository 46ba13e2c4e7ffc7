//! The worker on its ports: what crashes, zombies and changes of the catalogue must not do to a charge.

mod faults;
mod twins;

use super::partition::Partition;
use super::*;
use crate::charge::Charges;
use crate::command::Change;
use crate::fixture::*;
use crate::resource::ResourceName;
use crate::{Config, Ports};
use backends::memory::WriteFault;
use domain::calendar::Period;
use domain::id::{ContractId, TenantId};
use domain::port::{Query, TopicPartition, read_all};
use domain::table::Cell;
use domain::topic::{CATALOG, REVISIONS};
use proto::blob::Blob;
use proto::published::{Published, from_entry};

fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

/// A house whose tenant `acme` has a contract since January.
async fn house() -> House {
    let house = House::begun().await;
    house.submit(put(contract("c", "acme", "2026-01-01T00:00:00Z", None))).await;
    house
}

async fn owner(house: &House) -> Partition {
    let pricing = Pricing {
        log: Arc::clone(&house.log) as Arc<dyn Log>,
        store: Arc::clone(&house.store) as Arc<dyn CellStore>,
        view: house.catalog.view().clone(),
        gather: Duration::ZERO,
        standing: Standing::default(),
    };
    let incarnation = pricing.incarnation().await;
    Partition::new(pricing, &incarnation, partition_of(&acme()))
}

async fn charge_cell(house: &House, period: &str) -> Option<Cell> {
    let key = Charges::cell_key(&acme(), Period::parse(period).unwrap());
    read_all(&*house.store, Query::one(&key)).await.unwrap().pop()
}

/// The amounts of a month as they stand in the store.
async fn amounts(house: &House, period: &str) -> Vec<String> {
    let cell = charge_cell(house, period).await.expect("the month was rated");
    let charges = Charges::from_blob(&cell.value).unwrap().charges;
    charges.iter().map(|charge| charge.amount.display_in(charge.currency)).collect()
}

#[tokio::test]
async fn a_trigger_rates_its_month_and_stamps_it_by_incarnation_and_offset() {
    let house = house().await;
    // 250 tokens at 0.50 the hundred.
    house.count(tokens("acme", "2026-03-01T10:00:00Z", 250)).await;
    let owner = owner(&house).await;
    assert_eq!(owner.step(0).await.unwrap(), 1);
    assert_eq!(amounts(&house, "2026-03").await, ["1.25"]);
    assert_eq!(charge_cell(&house, "2026-03").await.unwrap().timestamp, (1 << 40) + 1);
    assert_eq!(progress::load(&*house.store, REVISIONS, owner.number).await.unwrap(), Some(1));
}

#[tokio::test]
async fn a_crash_between_write_and_checkpoint_gives_the_same_cell() {
    let house = house().await;
    house.count(tokens("acme", "2026-03-01T10:00:00Z", 250)).await;
    let crashing = owner(&house).await;
    house.store.script_writes([None, Some(WriteFault::Overloaded)]);
    assert!(crashing.step(0).await.is_err());
    let written = charge_cell(&house, "2026-03").await.unwrap();
    assert_eq!(progress::load(&*house.store, REVISIONS, crashing.number).await.unwrap(), None);
    let next = owner(&house).await;
    assert_eq!(next.step(0).await.unwrap(), 1);
    assert_eq!(charge_cell(&house, "2026-03").await, Some(written));
}

#[tokio::test]
async fn a_zombies_older_charge_loses() {
    let house = house().await;
    house.count(tokens("acme", "2026-03-01T10:00:00Z", 250)).await;
    let zombie = owner(&house).await;
    zombie.step(0).await.unwrap();
    let stale = charge_cell(&house, "2026-03").await.unwrap();
    house.count(tokens("acme", "2026-03-02T10:00:00Z", 50)).await;
    owner(&house).await.step(1).await.unwrap();
    assert_eq!(amounts(&house, "2026-03").await, ["1.50"]);
    house.store.write(vec![stale]).await.unwrap();
    progress::save(&*house.store, REVISIONS, zombie.number, 1).await.unwrap();
    assert_eq!(amounts(&house, "2026-03").await, ["1.50"]);
    assert_eq!(progress::load(&*house.store, REVISIONS, zombie.number).await.unwrap(), Some(2));
}

#[tokio::test]
async fn a_charge_that_ceases_vanishes() {
    let house = house().await;
    house.count(tokens("acme", "2026-03-01T10:00:00Z", 250)).await;
    let owner = owner(&house).await;
    owner.step(0).await.unwrap();
    house.submit(Change::Delete(ResourceName::Contract(ContractId::parse("c").unwrap()))).await;
    rerate::step(&owner, 0).await.unwrap();
    owner.step(1).await.unwrap();
    assert_eq!(amounts(&house, "2026-03").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_new_price_rates_again_what_it_touches_and_nothing_else() {
    let house = house().await;
    house.count(tokens("acme", "2026-02-28T10:00:00Z", 200)).await;
    house.count(tokens("acme", "2026-03-01T10:00:00Z", 200)).await;
    let owner = owner(&house).await;
    let next = owner.step(0).await.unwrap();
    let seen = rerate::step(&owner, 0).await.unwrap();
    let next = owner.step(next).await.unwrap();
    house.submit(plan(&PLAN.replace("0.50", "0.70").replace("2026-01-01", "2026-03-01"))).await;
    assert_eq!(rerate::step(&owner, seen).await.unwrap(), seen + 1);
    let february = charge_cell(&house, "2026-02").await;
    assert_eq!(owner.step(next).await.unwrap(), next + 1);
    assert_eq!(amounts(&house, "2026-03").await, ["1.40"]);
    assert_eq!(charge_cell(&house, "2026-02").await, february);
}

#[tokio::test]
async fn changes_become_triggers_for_the_tenants_of_the_partition_only() {
    let house = house().await;
    house.submit(tenant("globex")).await;
    house.submit(put(contract("g", "globex", "2026-01-01T00:00:00Z", None))).await;
    assert_ne!(partition_of(&acme()), partition_of(&TenantId::parse("globex").unwrap()));
    let owner = owner(&house).await;
    let end = rerate::step(&owner, 0).await.unwrap();
    // Done again after a crash, it appends the same again: harmless.
    rerate::step(&owner, 0).await.unwrap();
    let from = TopicPartition::new(REVISIONS, owner.number);
    let limit = domain::port::ReadLimit { bytes: 1 << 20, wait: Duration::ZERO };
    let triggers = house.log.read(&from, 0, limit).await.unwrap();
    let named: Vec<_> = triggers
        .iter()
        .map(|entry| match from_entry(entry).unwrap() {
            Published::Rerate { tenant, period, catalog_offset } => {
                (tenant, period.to_string(), catalog_offset)
            }
            Published::Revision(_) => panic!("there is no usage"),
        })
        .collect();
    let months = ["2026-02", "2026-03", "2026-02", "2026-03"];
    assert_eq!(named, months.map(|month| (acme(), month.to_owned(), end)));
    assert_eq!(progress::load(&*house.store, CATALOG, owner.number).await.unwrap(), Some(end));
}

#[tokio::test]
async fn the_running_worker_keeps_up_with_usage_and_catalogue() {
    let house = house().await;
    let ports = Ports {
        log: Arc::clone(&house.log) as Arc<dyn Log>,
        store: Arc::clone(&house.store) as Arc<dyn CellStore>,
        view: house.catalog.view().clone(),
        standing: Standing::default(),
    };
    let catalog = crate::build(Config { pricing_delay_ms: 0 }, ports, house.shutdown.clone(), &house.tracker);
    house.count(tokens("acme", "2026-03-01T10:00:00Z", 250)).await;
    let reached = async |expected: &str| {
        while charge_cell(&house, "2026-03").await.is_none() || amounts(&house, "2026-03").await != [expected]
        {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), reached("1.25")).await.unwrap();
    catalog.submit(wish(plan(&PLAN.replace("0.50", "2.00")))).await.unwrap().unwrap();
    tokio::time::timeout(Duration::from_secs(5), reached("5.00")).await.unwrap();
    house.shutdown.cancel();
    house.tracker.close();
    tokio::time::timeout(Duration::from_secs(5), house.tracker.wait()).await.unwrap();
}
