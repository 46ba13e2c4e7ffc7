//! Records and rows counted one by one, against what was put in.

use super::rows::{self, Counted};
use super::*;
use crate::testing::records::{ARRIVAL, envelope, keep_page, raw, refused, stamped};
use crate::testing::{House, at};
use backends::memory::{ManualClock, MemoryLog, MemoryStore};
use bytes::Bytes;
use domain::aggregate::{Row, RowKey};
use domain::calendar::Period;
use domain::checkpoint::Checkpoint;
use domain::generation::{Generation, Incarnation, Registry};
use domain::port::{CellStore, Log, ReadLimit, StoreError, TopicPartition};
use domain::position::Position;
use domain::quantity::Quantity;
use domain::table::Cell;
use proptest::prelude::*;
use proto::blob::Blob;
use proto::record::{Control, pack, pack_control, to_log};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const TIMELY: &str = "2026-03-10T10:00:00Z";
/// 36 days before the arrival: 35 and a day of slack.
const OLDEST: &str = "2026-02-02T14:00:00Z";
const TOO_OLD: &str = "2026-02-02T13:59:59Z";

fn record(times: &[&str], refusals: usize) -> Bytes {
    let named = |(index, time): (usize, &&str)| stamped(&raw(&format!("p-{index}"), time, "5"));
    let pulses: Vec<_> = times.iter().enumerate().map(named).collect();
    pack(&envelope(), &pulses, &vec![refused(); refusals])
}

fn marker() -> Bytes {
    let period = Period::parse("2025-12").unwrap();
    pack_control(&envelope(), &Control::Marker { number: 9, calendar: "UTC".into(), period, closed: true })
}

/// A record of ours with that value.
fn entry(value: Bytes) -> Entry {
    let record = to_log(value);
    Entry { offset: 3, timestamp: at(ARRIVAL), headers: record.headers, value: record.value }
}

fn tally(entry: &Entry) -> Tally {
    Tally::of(entry, &Generation::first([7; 16], 2).horizon)
}

#[test]
fn a_record_is_counted_under_what_it_holds() {
    let foreign = Entry { headers: Vec::new(), ..entry(Bytes::from_static(b"junk")) };
    for (what, entry, expected) in [
        ("pulses", entry(record(&[TIMELY, TIMELY], 0)), Tally { data: 2, ..Tally::default() }),
        ("refusals", entry(record(&[], 3)), Tally { refused: 3, ..Tally::default() }),
        ("both", entry(record(&[TIMELY], 1)), Tally { data: 1, refused: 1, ..Tally::default() }),
        (
            "the horizon",
            entry(record(&[OLDEST, TOO_OLD], 0)),
            Tally { data: 1, too_late: 1, ..Tally::default() },
        ),
        ("a marker", entry(marker()), Tally { control: 1, ..Tally::default() }),
        ("foreign bytes", foreign, Tally { foreign: 1, ..Tally::default() }),
        ("damage", entry(Bytes::from_static(b"junk")), Tally { unreadable: 1, ..Tally::default() }),
    ] {
        assert_eq!(tally(&entry), expected, "{what}");
    }
}

#[test]
fn the_days_of_pulses_are_noted_once_each_and_nothing_else_is() {
    let mut days = Days::new();
    let times = [TIMELY, "2026-03-09T23:59:59Z", TIMELY, "2026-03-10T00:00:00Z"];
    note_days(&mut days, &entry(record(&times, 2)));
    note_days(&mut days, &entry(marker()));
    note_days(&mut days, &entry(Bytes::from_static(b"junk")));
    let expected =
        ["2026-03-09T00:00:00Z", "2026-03-10T00:00:00Z"].map(|day| (Arc::from("acme"), at(day).day()));
    assert_eq!(days.into_iter().collect::<Vec<_>>(), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]
    #[test]
    fn everything_received_stands_in_one_column(
        records in prop::collection::vec((0_usize..4, 0_usize..4, 1_usize..3), 1..6),
        markers in 0_u64..3,
    ) {
        let mut all = Tally::default();
        let mut expected = Tally { control: markers, ..Tally::default() };
        for (timely, late, refusals) in records {
            let times = [vec![TIMELY; timely], vec![TOO_OLD; late]].concat();
            all += tally(&entry(record(&times, refusals)));
            expected.data += timely as u64;
            expected.too_late += late as u64;
            expected.refused += refusals as u64;
        }
        for _ in 0..markers {
            all += tally(&entry(marker()));
        }
        prop_assert_eq!(all, expected);
        prop_assert_eq!(all.received(), expected.data + expected.too_late + expected.refused + markers);
    }
}

fn row_key(hour: i64, partition: u32) -> RowKey {
    RowKey { hour, partition, ..crate::group::tests::row_key("llm.input", "token", "") }
}

async fn write_row(store: &MemoryStore, key: &RowKey, offsets: &[u64]) {
    let mut row = Row::default();
    for offset in offsets {
        let quarter = domain::time::Quarter::of_hour(key.hour, 0);
        row.apply(Position::new(*offset, 0), quarter, Quantity::ONE);
    }
    let cell = Cell { key: key.cell_key(), timestamp: row.position.raw(), value: row.to_blob() };
    store.write(vec![cell]).await.unwrap();
}

#[tokio::test]
async fn rows_of_the_days_and_the_partition_are_added_up_in_chunks_of_any_size() {
    let store = MemoryStore::new();
    let first = at("2026-03-09T00:00:00Z").hour();
    for (hour, partition, offsets) in
        [(0, 0, &[1, 2][..]), (5, 0, &[7]), (5, 1, &[900]), (30, 0, &[3, 4, 5]), (60, 0, &[800])]
    {
        write_row(&store, &row_key(first + hour, partition), offsets).await;
    }
    let day = |offset| (Arc::from("acme"), at("2026-03-09T00:00:00Z").day() + offset);
    for chunk in [1, 2, 1_000] {
        store.set_chunk_cells(chunk);
        let counted = rows::count(&store, &Days::from([day(0), day(1)]), (1, 0)).await.unwrap();
        assert_eq!(counted, Counted { pulses: 6, newest: Position::new(7, 0) }, "{chunk}");
    }
    let none = rows::count(&store, &Days::from([day(7)]), (1, 0)).await.unwrap();
    assert_eq!(none, Counted::default());
    let other = rows::count(&store, &Days::from([day(0)]), (1, 1)).await.unwrap();
    assert_eq!(other, Counted { pulses: 1, newest: Position::new(900, 0) });
}

#[tokio::test]
async fn a_row_that_is_not_what_was_written_is_no_count() {
    let store = MemoryStore::new();
    let key = row_key(at(TIMELY).hour(), 0);
    let cell = Cell { key: key.cell_key(), timestamp: 1, value: b"?".as_slice().into() };
    store.write(vec![cell]).await.unwrap();
    let days = Days::from([(Arc::from("acme"), at(TIMELY).day())]);
    let found = rows::count(&store, &days, (1, 0)).await;
    assert!(matches!(found, Err(StoreError::Damaged { table: "aggregate", .. })), "{found:?}");
    assert_eq!(rows::count(&store, &days, (1, 1)).await, Ok(Counted::default()), "it is another partition's");
}

/// A log whose first partition begins at offset 5, with two records of one pulse and one of two.
async fn begun_late() -> (MemoryStore, MemoryLog, Registry) {
    let log = MemoryLog::new(Arc::new(ManualClock::at(at(ARRIVAL))));
    log.recreate("resource-consumption.g1", 1, vec![5, 0]);
    let records = [&[TIMELY][..], &[TIMELY], &[TIMELY, TIMELY]].map(|times| to_log(record(times, 0)));
    log.append(&partition(), records.to_vec()).await.unwrap();
    let incarnation = Incarnation { number: 1, log_id: "memory-1".into(), first_offsets: vec![5, 0] };
    (MemoryStore::new(), log, Registry::new(Generation::first([7; 16], 2), incarnation))
}

fn partition() -> TopicPartition {
    TopicPartition::new("resource-consumption.g1", 0)
}

async fn keep_pages(store: &MemoryStore, log: &MemoryLog, below: u64) {
    let limit = ReadLimit { bytes: 1_000_000, wait: Duration::ZERO };
    let low = log.watermarks(&partition()).await.unwrap().low;
    let entries = log.read(&partition(), low, limit).await.unwrap();
    for entry in entries.iter().filter(|entry| entry.offset < below) {
        keep_page(store, 0, entry).await;
    }
}

async fn count_up_to(store: &MemoryStore, next: u32) {
    let checkpoint = Checkpoint { next: next.into(), ..Checkpoint::default() };
    let cell = Cell { key: Checkpoint::cell_key(1, 0), timestamp: next.into(), value: checkpoint.to_blob() };
    store.write(vec![cell]).await.unwrap();
}

/// Of 5 to 7 the last was not counted; 8 to 999 were never used.
#[tokio::test]
async fn what_a_declared_loss_passed_over_stays_lost() {
    let (store, log, registry) = begun_late().await;
    keep_pages(&store, &log, 7).await;
    count_up_to(&store, 7).await;
    log.recreate("resource-consumption.g1", 2, vec![1_000, 1_000]);
    let second = log.incarnation("resource-consumption.g1").await.unwrap();
    let registry = registry.with_loss("resource-consumption.g1", second, "ada");
    let books = Books { store: &store, log: &log, registry: &registry };
    assert_eq!(recount(books, &AtomicU64::default()).await.unwrap()[0].lost, 993);
    log.append(&partition(), vec![to_log(record(&[TIMELY], 0))]).await.unwrap();
    keep_pages(&store, &log, 1_001).await;
    count_up_to(&store, 1_001).await;
    let gone_on = recount(books, &AtomicU64::default()).await.unwrap()[0];
    assert_eq!((gone_on.lost, gone_on.kept.data, gone_on.in_flight.data), (993, 3, 0));
}

#[tokio::test]
async fn a_partition_is_counted_from_its_first_offset_and_split_at_its_checkpoint() {
    let (store, log, registry) = begun_late().await;
    let books = Books { store: &store, log: &log, registry: &registry };
    let untouched = recount(books, &AtomicU64::default()).await.unwrap();
    assert_eq!((untouched.len(), untouched[0].partition, untouched[1].partition), (2, 0, 1));
    assert_eq!((untouched[0].kept.data, untouched[0].in_flight.data), (0, 4));
    assert_eq!(untouched[1], PartitionBooks { generation: 1, partition: 1, ..PartitionBooks::default() });
    keep_pages(&store, &log, 7).await;
    count_up_to(&store, 7).await;
    let found = AtomicU64::default();
    let counted = recount(books, &found).await.unwrap()[0];
    assert_eq!(
        (counted.kept.data, counted.in_flight.data, counted.row_count, counted.ahead_max),
        (2, 2, 0, 0)
    );
    assert_eq!(found.load(Ordering::Relaxed), 2, "what lies below the checkpoint");
    write_row(&store, &row_key(at(TIMELY).hour(), 0), &[5, 6, 7]).await;
    let flushed = recount(books, &AtomicU64::default()).await.unwrap()[0];
    assert_eq!((flushed.row_count, flushed.ahead_max), (3, 2), "the flush took in the record of two pulses");
}

#[tokio::test]
async fn a_log_that_cannot_be_read_is_no_empty_log() {
    let house = House::furnished().await;
    let offset = house.take_in(&[raw("a", TIMELY, "5")], &[]).await;
    let place = TopicPartition::new("resource-consumption.g1", house.partition_of("acme"));
    house.log.damage(&place, offset).unwrap();
    let (status, body) = house.get("/v1/reconciliation").await;
    assert!(status >= 500 && body["code"].is_string(), "{status}: {body}");
}
