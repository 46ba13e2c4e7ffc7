//! Snapshots on their ports: whole or not at all.

use super::write::{due, write};
use super::*;
use crate::command::{Change, encode};
use crate::fixture::*;
use crate::view::View;
use backends::memory::{MemoryStore, ReadFault, WriteFault};
use domain::port::Clock;
use domain::table::{CATALOG_HEAD, Cell};
use domain::topic::CATALOG;
use prost::Message;
use proto::log as wire;
use proto::part::PART_BYTES_MAX;
use proto::snapshot::part_key;
use std::sync::Arc;

/// A house whose catalogue has that many tenants more than [`begun`](House::begun).
async fn house(tenants: usize) -> House {
    let house = House::begun().await;
    let records = (0..tenants).map(|number| encode(&command(tenant(&format!("tenant-{number:060}")))));
    let records: Vec<_> = records.collect();
    let end = 5 + u64::try_from(tenants).unwrap();
    if !records.is_empty() {
        house.log.append(&partition(), records).await.unwrap();
    }
    house.catalog.view().at_least(end).await.unwrap();
    house
}

async fn keep(house: &House) {
    write(&*house.log, &*house.store, &house.catalog.state()).await.unwrap();
}

async fn view_from(house: &House, state: State) -> View {
    let (log, clock) = (Arc::clone(&house.log) as Arc<dyn Log>, Arc::clone(&house.clock) as Arc<dyn Clock>);
    View::open_from(state, log, clock, house.shutdown.clone(), &house.tracker).await.unwrap()
}

/// Puts another value where a cell is.
async fn replace(house: &House, cell: &Cell, value: Vec<u8>) {
    let cell = Cell { timestamp: cell.timestamp + 1, value: value.into(), ..cell.clone() };
    house.store.write(vec![cell]).await.unwrap();
}

async fn loaded(house: &House) -> u64 {
    load(&*house.log, &*house.store).await.offset()
}

#[tokio::test]
async fn who_begins_with_a_snapshot_reads_only_the_rest_of_the_log() {
    let house = house(3).await;
    assert_eq!(loaded(&house).await, 0, "there is none yet");
    keep(&house).await;
    let later = house.submit(tenant("globex")).await;
    assert_eq!(later.revision, 8);
    house.log.damage(&partition(), 0).unwrap();
    let state = load(&*house.log, &*house.store).await;
    assert_eq!(state.offset(), 8);
    let view = view_from(&house, state).await;
    assert_eq!(*view.state(), *house.catalog.state());
    assert!(view.confirm().await.unwrap().registry().is_some() && view.find_halt().is_none());
}

#[tokio::test]
async fn the_past_before_a_snapshot_is_still_folded_from_the_log() {
    let house = house(0).await;
    house.clock.advance(60);
    house.submit(tenant("globex")).await;
    keep(&house).await;
    let view = view_from(&house, load(&*house.log, &*house.store).await).await;
    let seen = view.as_of(at(NOW)).await.unwrap();
    assert_eq!((seen.value.offset(), seen.is_final), (5, true));
    assert_eq!(*seen.value, begun());
    assert_eq!(view.as_of(at("2020-01-01T00:00:00Z")).await.unwrap().value.offset(), 0);
}

#[tokio::test]
async fn a_large_catalogue_lies_in_cells_within_the_bound() {
    let house = house(1_000).await;
    keep(&house).await;
    let cells = house.store.all();
    let parts: Vec<&Cell> = cells.iter().filter(|cell| cell.key.table.name == CATALOG_PART.name).collect();
    // A thing takes more than 130 bytes: twice its tenant's 67, and 48,000 go into a part.
    assert!(parts.len() >= 3, "{} parts", parts.len());
    assert!(cells.iter().all(|cell| cell.value.len() <= PART_BYTES_MAX && cell.timestamp == 1_005));
    assert_eq!(load(&*house.log, &*house.store).await, *house.catalog.state());
}

#[tokio::test]
async fn a_snapshot_with_a_cell_missing_or_damaged_is_not_used() {
    let house = house(1_000).await;
    keep(&house).await;
    let cells = house.store.all();
    for (index, cell) in cells.iter().enumerate() {
        let store = MemoryStore::new();
        let others = cells.iter().enumerate().filter(|(other, _)| *other != index);
        store.write(others.map(|(_, cell)| cell.clone()).collect()).await.unwrap();
        let missing = load(&*house.log, &store).await;
        assert_eq!(missing, State::default(), "without {:?}", cell.key);
        let mut value = cell.value.to_vec();
        value[cell.value.len() / 2] ^= 1;
        store.write(vec![Cell { value: value.into(), ..cell.clone() }]).await.unwrap();
        assert_eq!(load(&*house.log, &store).await, State::default(), "with {:?} damaged", cell.key);
        let repaired = Cell { timestamp: cell.timestamp + 1, ..cell.clone() };
        store.write(vec![repaired]).await.unwrap();
        assert_eq!(load(&*house.log, &store).await.offset(), 1_005);
    }
}

/// Each of the parts is what some build wrote, but not for this head.
#[tokio::test]
async fn parts_of_another_content_are_not_used() {
    let house = house(2).await;
    keep(&house).await;
    let other = part::split(&bytes::write(&begun()));
    let cell = Cell { key: part_key(7, 0), timestamp: 8, value: other[0].clone() };
    house.store.write(vec![cell]).await.unwrap();
    assert!(matches!(find(&*house.log, &*house.store).await, Err(Unusable::NotWhole)));
    assert_eq!(loaded(&house).await, 0);
}

#[tokio::test]
async fn a_snapshot_of_another_log_is_not_used() {
    let house = house(2).await;
    keep(&house).await;
    house.log.recreate(CATALOG, 1, vec![0]);
    assert!(matches!(find(&*house.log, &*house.store).await, Err(Unusable::OtherLog)), "it is shorter");
    let others = (0..9).map(|number| encode(&command(tenant(&format!("other-{number}")))));
    house.log.append(&partition(), others.collect()).await.unwrap();
    assert!(
        matches!(find(&*house.log, &*house.store).await, Err(Unusable::OtherLog)),
        "it says other things"
    );
    assert_eq!(loaded(&house).await, 0);
}

/// Writes that content as the house's snapshot, at that write timestamp.
async fn keep_content(house: &House, timestamp: i64, content: Vec<u8>) {
    let offset = house.catalog.state().offset();
    let record = find_record(&*house.log, offset).await.unwrap().unwrap();
    let head = SnapshotHead { offset, content: fingerprint(&content), record };
    let parts = (0..).zip(part::split(&content));
    let parts = parts.map(|(number, value)| Cell { key: part_key(offset, number), timestamp, value });
    let head = Cell { key: head_key(), timestamp, value: head.to_blob() };
    house.store.write(parts.chain([head]).collect()).await.unwrap();
}

#[tokio::test]
async fn what_this_build_does_not_know_is_left_to_the_log() {
    let house = house(1).await;
    let good = wire::CatalogSnapshot::decode(&*bytes::write(&house.catalog.state())).unwrap();
    keep_content(&house, 100, good.encode_to_vec()).await;
    assert_eq!(loaded(&house).await, 6);
    let with = |change: fn(&mut wire::CatalogSnapshot)| {
        let mut snapshot = good.clone();
        change(&mut snapshot);
        snapshot.encode_to_vec()
    };
    let newer = with(|snapshot| snapshot.rules = RULES_KNOWN + 1);
    let wrong = [
        newer,
        with(|snapshot| snapshot.things[0].command = None),
        with(|snapshot| snapshot.things[0].command.as_mut().unwrap().change = None),
        with(|snapshot| snapshot.things.push(snapshot_rules())),
        with(|snapshot| snapshot.things.swap(0, 1)).into_iter().chain([0xff]).collect(),
        with(|snapshot| snapshot.keys.push(wire::CatalogKey::default())),
    ];
    for (timestamp, content) in (101..).zip(wrong) {
        keep_content(&house, timestamp, content).await;
        let found = find(&*house.log, &*house.store).await;
        assert!(matches!(found, Err(ref error) if !matches!(error, Unusable::NotWhole)), "{timestamp}");
        assert_eq!(loaded(&house).await, 0);
    }
    let head = house.store.all().into_iter().find(|cell| cell.key.table.name == CATALOG_HEAD.name).unwrap();
    replace(&house, &head, proto::blob::seal(2, &wire::SnapshotHead::default()).to_vec()).await;
    assert_eq!(loaded(&house).await, 0, "a head of a newer format");
}

/// A command that no catalogue holds as a thing.
fn snapshot_rules() -> wire::CatalogThing {
    let change = crate::command::wire::to::change(&Change::SetRules(1));
    let command = wire::CatalogCommand { change: Some(change), ..Default::default() };
    wire::CatalogThing { command: Some(command), ..Default::default() }
}

#[tokio::test]
async fn a_store_that_cannot_be_read_leaves_it_to_the_log() {
    let house = house(1).await;
    keep(&house).await;
    for faults in [vec![Some(ReadFault::Unavailable)], vec![None, Some(ReadFault::Unavailable)]] {
        house.store.script_reads(faults);
        assert_eq!(loaded(&house).await, 0);
    }
    assert_eq!(loaded(&house).await, 6);
}

#[tokio::test]
async fn the_head_is_written_last_and_an_older_one_does_not_come_back() {
    let house = house(1).await;
    let early = house.catalog.state();
    house.store.script_writes([Some(WriteFault::Overloaded)]);
    assert!(write(&*house.log, &*house.store, &early).await.is_err());
    assert_eq!(loaded(&house).await, 0, "parts without a head are none");
    house.submit(tenant("globex")).await;
    keep(&house).await;
    write(&*house.log, &*house.store, &early).await.unwrap();
    assert_eq!(loaded(&house).await, 7, "another process was slower");
    write(&*house.log, &*house.store, &early).await.unwrap();
    assert_eq!(loaded(&house).await, 7);
}

#[tokio::test]
async fn a_state_that_the_log_does_not_reach_is_not_kept() {
    let house = house(0).await;
    let mut ahead = State::clone(&house.catalog.state());
    ahead.apply(&command(tenant("globex"))).unwrap().unwrap();
    let refused = write(&*house.log, &*house.store, &ahead).await;
    assert!(matches!(refused, Err(Unusable::OtherLog)));
    assert!(matches!(write(&*house.log, &*house.store, &State::default()).await, Err(Unusable::OtherLog)));
    assert!(house.store.all().is_empty());
}

#[test]
fn all_snapshots_together_stay_within_five_times_the_last() {
    let mut kept = 0;
    let mut total = 0;
    for _ in 0..60 {
        let next = due(kept);
        assert!(next - kept >= 256 && (next - kept <= 256 || next - kept <= kept / 4));
        kept = next;
        total += kept;
    }
    assert!(kept > 1_000_000 && total <= 5 * kept, "{total} of {kept}");
}

#[tokio::test(start_paused = true)]
async fn the_running_writer_keeps_the_catalogue_as_it_grows() {
    let house = house(250).await;
    let store = Arc::clone(&house.store) as Arc<dyn CellStore>;
    house.tracker.spawn(run(house.catalog.view().clone(), store, house.shutdown.clone()));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(loaded(&house).await, 0, "255 commands are folded soon enough");
    // The first attempt fails at its first cell, and is made again.
    house.store.script_writes([Some(WriteFault::Overloaded)]);
    house.submit(tenant("globex")).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(loaded(&house).await, 256);
    assert_eq!(load(&*house.log, &*house.store).await, *house.catalog.state());
    house.shutdown.cancel();
    house.tracker.close();
    house.tracker.wait().await;
}
