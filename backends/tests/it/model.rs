//! Whatever is asked in whatever order: the files answer as a list of records and a map of cells would.

use crate::{NOW, clock};
use backends::conformance::log::{read_to_end, record};
use backends::embedded::{Embedded, OpenOptions};
use backends::memory::{MemoryLog, MemoryStore};
use bytes::Bytes;
use domain::port::{
    CellStore, ClusteringRange, Log, LogError, Query, ReadLimit, TopicPartition, Watermarks, read_all,
};
use domain::table::{CHARGE, Cell, CellKey, KeyValue, PAGE};
use domain::time::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Not synced: what is looked at here is not the disk.
fn open(directory: &Path) -> Embedded {
    let durability = backends::embedded::Durability::Ephemeral;
    Embedded::open(directory, clock(), OpenOptions { durability, ..OpenOptions::default() }).unwrap()
}

/// A write of one cell: which key, its timestamp, its value.
type Written = (u8, i64, Vec<u8>);

fn written() -> impl Strategy<Value = Vec<Written>> {
    prop::collection::vec((0..6_u8, 0..4_i64, prop::collection::vec(0..3_u8, 0..3)), 1..40)
}

fn cell((key, timestamp, value): &Written) -> Cell {
    let key = CellKey::new(
        &PAGE,
        vec![1_i64.into(), 0_i64.into(), 0_i64.into()],
        vec![i64::from(key / 2).into(), i64::from(key % 2).into()],
    );
    Cell { key, timestamp: *timestamp, value: value.clone().into() }
}

/// The last word on every key: the larger timestamp, on a tie the larger value.
fn winners(writes: &[Written]) -> Vec<Cell> {
    let mut cells: BTreeMap<u8, Written> = BTreeMap::new();
    for write in writes {
        let known = cells.entry(write.0).or_insert_with(|| write.clone());
        if (known.1, &known.2) < (write.1, &write.2) {
            *known = write.clone();
        }
    }
    cells.values().map(cell).collect()
}

/// What happens to a partition.
#[derive(Clone, Debug)]
enum Step {
    Append(Vec<u8>),
    Trim(u64),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 1..5).prop_map(Step::Append),
        1 => (0..40_u64).prop_map(Step::Trim),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_store_is_a_map_in_which_the_larger_wins(writes in written(), cut in 1..20_usize, end in 0..4_i64) {
        run(async {
            let directory = tempfile::tempdir().unwrap();
            let (embedded, memory) = (open(directory.path()).store, MemoryStore::new());
            let all = Query::all(&PAGE, vec![1_i64.into(), 0_i64.into(), 0_i64.into()]);
            let before = ClusteringRange { to: Some(end.into()), ..ClusteringRange::default() };
            for store in [&*embedded as &dyn CellStore, &memory] {
                for part in writes.chunks(cut) {
                    store.write(part.iter().map(cell).collect()).await.unwrap();
                }
                let expected = winners(&writes);
                assert_eq!(read_all(store, all.clone()).await.unwrap(), expected);
                let expected: Vec<Cell> =
                    expected.into_iter().filter(|cell| cell.key.clustering[0] < end.into()).collect();
                assert_eq!(read_all(store, all.clone().within(before.clone())).await.unwrap(), expected);
            }
        });
    }

    #[test]
    fn the_order_of_writes_changes_nothing(writes in written()) {
        run(async {
            let directory = tempfile::tempdir().unwrap();
            let store = open(directory.path()).store;
            for write in writes.iter().rev() {
                store.write(vec![cell(write)]).await.unwrap();
            }
            let all = Query::all(&PAGE, vec![1_i64.into(), 0_i64.into(), 0_i64.into()]);
            assert_eq!(read_all(&*store, all).await.unwrap(), winners(&writes));
        });
    }

    #[test]
    fn a_partition_is_a_list_that_loses_its_head(steps in prop::collection::vec(step(), 1..25)) {
        run(async {
            let directory = tempfile::tempdir().unwrap();
            let at = TopicPartition::new("topic", 1);
            let mut log = open(directory.path()).log;
            log.declare("topic", 2).await.unwrap();
            let (mut kept, mut low): (Vec<Bytes>, u64) = (Vec::new(), 0);
            for step in steps {
                let high = low + kept.len() as u64;
                match step {
                    Step::Append(values) => {
                        let values = values.into_iter().map(|value| Bytes::from(vec![value]));
                        kept.extend(values.clone());
                        let offsets = log.append(&at, values.map(record).collect()).await;
                        assert_eq!(offsets, Ok((high..low + kept.len() as u64).collect()));
                    }
                    Step::Trim(below) => {
                        let expected = below.clamp(low, high);
                        assert_eq!(log.trim(&at, below, Timestamp::MAX).await, Ok(expected));
                        kept.drain(..usize::try_from(expected - low).unwrap());
                        low = expected;
                    }
                    Step::Reopen => {
                        drop(log);
                        log = open(directory.path()).log;
                    }
                }
                let high = low + kept.len() as u64;
                assert_eq!(log.watermarks(&at).await, Ok(Watermarks { low, high }));
                let entries = read_to_end(&*log, &at, low).await;
                assert!(entries.iter().map(|entry| entry.offset).eq(low..high));
                assert!(entries.into_iter().map(|entry| entry.value).eq(kept.iter().cloned()));
            }
        });
    }

    #[test]
    fn a_read_in_steps_of_any_size_gives_every_record_once(
        sizes in prop::collection::vec(0..60_usize, 1..40),
        bytes in 0..150_usize,
    ) {
        run(async {
            let directory = tempfile::tempdir().unwrap();
            let embedded = open(directory.path()).log;
            embedded.declare("topic", 1).await.unwrap();
            let memory = MemoryLog::new(clock());
            memory.declare("topic", 1);
            let at = TopicPartition::new("topic", 0);
            let limit = ReadLimit { bytes, wait: Duration::ZERO };
            for log in [&*embedded as &dyn Log, &memory] {
                log.append(&at, sizes.iter().map(|size| record(vec![1; *size])).collect()).await.unwrap();
                let mut read = Vec::new();
                loop {
                    let step = log.read(&at, read.len() as u64, limit).await.unwrap();
                    let within: usize = step.iter().map(|entry| entry.value.len()).sum();
                    assert!(within <= bytes || step.len() == 1, "{within} bytes in {} records", step.len());
                    if step.is_empty() {
                        break;
                    }
                    read.extend(step.into_iter().map(|entry| entry.value.len()));
                }
                assert_eq!(read, sizes);
            }
        });
    }
}

#[tokio::test]
async fn cells_that_come_while_a_long_answer_is_read_neither_hide_nor_double_others() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).store;
    let key = |number: u64| {
        CellKey::new(&CHARGE, vec![KeyValue::text("acme")], vec![KeyValue::text(&format!("{number:08}"))])
    };
    let cell = |number| Cell { key: key(number), timestamp: 1, value: "v".into() };
    // Even numbers first; a chunk holds at most 5,000 cells.
    store.write((0..6_000).map(|number| cell(2 * number)).collect()).await.unwrap();
    let mut query = Query::all(&CHARGE, vec![KeyValue::text("acme")]);
    let first = store.read(&query).await.unwrap();
    assert_eq!(first.cells.len(), 5_000);
    store.write(vec![cell(1), cell(10_001), cell(11_999)]).await.unwrap();
    query.resume = first.next;
    let second = store.read(&query).await.unwrap();
    assert!(second.next.is_none());
    let rest: Vec<Cell> = (5_000..6_000)
        .flat_map(|number| {
            [Some(2 * number), [10_001, 11_999].into_iter().find(|odd| *odd == 2 * number + 1)]
        })
        .flatten()
        .map(cell)
        .collect();
    assert_eq!(
        second.cells, rest,
        "behind the chunk's end what is new is seen, before it nothing is seen twice"
    );
}

#[tokio::test]
async fn a_page_state_of_nobody_is_refused_by_both_stores() {
    let directory = tempfile::tempdir().unwrap();
    let (embedded, memory) = (open(directory.path()).store, MemoryStore::new());
    for foreign in [&b"\x09"[..], &b"\x00\x05\0\0\0ab"[..], &b"\x02\x01"[..]] {
        let resume = Some(domain::port::PageState(Bytes::from_static(foreign)));
        let query = Query { resume, ..Query::all(&CHARGE, vec![KeyValue::text("acme")]) };
        for store in [&*embedded as &dyn CellStore, &memory] {
            let refused = store.read(&query).await.unwrap_err().to_string();
            assert_eq!(refused, "the store is unavailable: the page state is not one of this store");
        }
    }
}

#[tokio::test]
async fn a_partition_that_is_not_there_is_named_by_every_call() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path()).log;
    log.declare("topic", 2).await.unwrap();
    for at in [TopicPartition::new("topic", 2), TopicPartition::new("other", 0)] {
        let unknown = LogError::UnknownPartition(at.clone());
        assert_eq!(log.append(&at, vec![record("a")]).await, Err(unknown.clone()));
        assert_eq!(log.watermarks(&at).await, Err(unknown.clone()));
        assert_eq!(log.trim(&at, 1, NOW).await, Err(unknown.clone()));
        let limit = ReadLimit { bytes: 1, wait: Duration::ZERO };
        assert_eq!(log.read(&at, 0, limit).await, Err(unknown));
    }
    let nowhere = LogError::UnknownPartition(TopicPartition::new("other", 0));
    assert_eq!(log.incarnation("other").await, Err(nowhere));
}
