//! What was acknowledged survives kill −9 at any moment; what was not leaves no hole.

use crate::child::{self, Running};
use crate::{charge, open, try_open};
use backends::conformance::log::{read_to_end, record};
use backends::embedded::{Embedded, OpenError};
use domain::port::{CellStore, Log, Query, TopicPartition, read_all};
use domain::table::{CHARGE, Cell, KeyValue};
use futures::future::join_all;
use std::collections::BTreeMap;
use std::path::Path;

const TOPIC: &str = "killed";
const ROUNDS: usize = 5;
const TASKS: u64 = 8;

/// Hidden: appends from several tasks until it is killed, and says each offset once it is acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_appends_until_killed() {
    let Some(directory) = child::directory() else { return };
    let Embedded { log, store: _store } = open(&directory);
    log.declare(TOPIC, 2).await.unwrap();
    let append = async |task: u64| {
        let at = TopicPartition::new(TOPIC, u32::try_from(task % 2).unwrap());
        for number in 0_u64.. {
            let value =
                |index| format!("{} {task} {number} {index} {}", std::process::id(), "x".repeat(2_000));
            let records = (0..=number % 3).map(|index| record(value(index))).collect();
            let offsets = log.append(&at, records).await.unwrap();
            for (index, offset) in (0..).zip(offsets) {
                child::say(&format!("{} {offset} {}", at.partition, value(index)));
            }
        }
    };
    join_all((0..TASKS).map(append)).await;
}

/// Hidden: writes cells until it is killed, and says each once it is acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_writes_until_killed() {
    let Some(directory) = child::directory() else { return };
    let store = open(&directory).store;
    let write = async |task: u64| {
        for timestamp in 1_i64.. {
            let cell = |key| Cell { key: charge(key), timestamp, value: timestamp.to_string().into() };
            store.write(vec![cell(task), cell(100 + timestamp.cast_unsigned() % 50)]).await.unwrap();
            child::say(&format!("{task} {timestamp}"));
        }
    };
    join_all((0..TASKS).map(write)).await;
}

/// Lets the child run until it has said `count` things, kills it, and answers all it said.
fn run_and_kill(test: &str, directory: &Path, count: usize) -> Vec<String> {
    let mut child = Running::start(test, directory);
    let mut said: Vec<String> = std::iter::from_fn(|| child.hear()).take(count).collect();
    let locked = try_open(directory).map(drop).unwrap_err();
    assert_eq!(locked, OpenError::Locked { directory: directory.into(), pid: Some(child.id()) });
    child.kill();
    said.extend(std::iter::from_fn(|| child.hear()));
    assert!(said.len() >= count, "the child said only {} things", said.len());
    said
}

#[tokio::test]
async fn no_acknowledged_record_is_lost_and_no_offset_is_skipped() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged: BTreeMap<(u32, u64), String> = BTreeMap::new();
    for round in 0..ROUNDS {
        for line in run_and_kill("kill::child_appends_until_killed", directory.path(), 40 + 61 * round) {
            let mut parts = line.splitn(3, ' ');
            let mut part = || parts.next().unwrap();
            acknowledged.insert((part().parse().unwrap(), part().parse().unwrap()), part().to_owned());
        }
        let log = open(directory.path()).log;
        let mut stored: BTreeMap<(u32, u64), String> = BTreeMap::new();
        for partition in 0..2 {
            let entries = read_to_end(&*log, &TopicPartition::new(TOPIC, partition), 0).await;
            assert!(entries.iter().map(|entry| entry.offset).eq(0..entries.len() as u64));
            let values =
                entries.into_iter().map(|entry| (entry.offset, String::from_utf8(entry.value.into())));
            stored.extend(values.map(|(offset, value)| ((partition, offset), value.unwrap())));
        }
        for (place, value) in &acknowledged {
            assert_eq!(stored.get(place), Some(value), "round {round}");
        }
    }
}

#[tokio::test]
async fn no_acknowledged_cell_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged: BTreeMap<u64, i64> = BTreeMap::new();
    for round in 0..ROUNDS {
        for line in run_and_kill("kill::child_writes_until_killed", directory.path(), 40 + 61 * round) {
            let (task, timestamp) = line.split_once(' ').unwrap();
            let newest = acknowledged.entry(task.parse().unwrap()).or_default();
            *newest = timestamp.parse::<i64>().unwrap().max(*newest);
        }
        let store = open(directory.path()).store;
        let cells = read_all(&*store, Query::all(&CHARGE, vec![KeyValue::text("acme")])).await.unwrap();
        for cell in &cells {
            assert_eq!(cell.value, cell.timestamp.to_string(), "round {round}");
        }
        for (task, newest) in &acknowledged {
            let stored = cells.iter().find(|cell| cell.key == charge(*task)).unwrap();
            assert!(stored.timestamp >= *newest, "round {round}");
        }
    }
}
