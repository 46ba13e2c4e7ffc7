//! A data directory that is not whole and ours is refused, untouched, with what to do.

use crate::{open, try_open};
use backends::conformance::log::record;
use backends::embedded::OpenError;
use domain::port::{CellStore, Log, TopicPartition};
use domain::position::Position;
use domain::table::{CHECKPOINT, Cell, CellKey, LEDGER};
use rusqlite::Connection;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const TOPIC: &str = "resource-consumption.g1";

/// A directory whose log has two partitions with three records in the second.
async fn used() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path()).log;
    log.declare(TOPIC, 2).await.unwrap();
    log.append(&TopicPartition::new(TOPIC, 1), vec![record("a"); 3]).await.unwrap();
    directory
}

fn refusal(directory: &Path) -> OpenError {
    try_open(directory).map(drop).unwrap_err()
}

#[tokio::test]
async fn what_was_declared_and_appended_is_there_again() {
    let directory = used().await;
    let log = open(directory.path()).log;
    log.declare(TOPIC, 2).await.unwrap();
    assert!(log.declare(TOPIC, 3).await.unwrap_err().to_string().contains("first offsets [0, 0]"));
    let marks = log.watermarks(&TopicPartition::new(TOPIC, 1)).await.unwrap();
    assert_eq!((marks.low, marks.high), (0, 3));
    let incarnation = log.incarnation(TOPIC).await.unwrap();
    assert_eq!((incarnation.number, &*incarnation.log_id), (1, &**log.id()));
}

#[tokio::test]
async fn an_incarnation_counts_on_from_its_first_offsets() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path()).log;
    log.declare_incarnation("moved", 2, vec![1_000, 2_000]).await.unwrap();
    let at = TopicPartition::new("moved", 1);
    assert_eq!(log.append(&at, vec![record("a"), record("b")]).await, Ok(vec![2_000, 2_001]));
    drop(log);
    let log = open(directory.path()).log;
    assert_eq!(log.append(&at, vec![record("c")]).await, Ok(vec![2_002]));
    assert_eq!(log.incarnation("moved").await.unwrap().first_offsets, [1_000, 2_000]);
}

#[test]
fn a_directory_of_somebody_else_is_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("thesis.txt"), "mine").unwrap();
    assert_eq!(refusal(directory.path()), OpenError::Foreign(directory.path().into()));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_lost_file_is_not_made_anew() {
    for missing in ["log.db", "store.db"] {
        let directory = used().await;
        fs::remove_file(directory.path().join(missing)).unwrap();
        let expected = OpenError::Incomplete { directory: directory.path().into(), missing };
        assert_eq!(refusal(directory.path()), expected);
        assert!(!directory.path().join(missing).exists());
    }
}

#[test]
fn a_crash_between_making_the_two_files_is_made_good() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    fs::remove_file(directory.path().join("store.db")).unwrap();
    assert!(try_open(directory.path()).is_ok());
}

#[tokio::test]
async fn files_of_others_of_other_versions_and_broken_ones_are_refused() {
    for file in ["log.db", "store.db"] {
        let directory = used().await;
        let path = directory.path().join(file);
        let set = |pragma: &str, value: i64| {
            Connection::open(&path).unwrap().pragma_update(None, pragma, value).unwrap();
        };
        set("user_version", 2);
        assert_eq!(refusal(directory.path()), OpenError::OtherFormat { file, found: 2, known: 1 });
        set("application_id", 7);
        assert_eq!(refusal(directory.path()), OpenError::NotOurs { file });
        fs::write(&path, "no database at all, but longer than a header of a hundred bytes: ".repeat(9))
            .unwrap();
        let refused = refusal(directory.path());
        assert!(matches!(&refused, OpenError::Damaged { file: named, .. } if *named == file), "{refused}");
    }
}

#[test]
fn what_the_system_refuses_is_not_called_damaged() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("log.db")).unwrap();
    let refused = refusal(directory.path());
    assert!(matches!(refused, OpenError::Failed { .. }), "{refused}");
}

#[tokio::test]
async fn a_store_of_another_log_is_refused() {
    let (ours, other) = (used().await, used().await);
    fs::copy(other.path().join("log.db"), ours.path().join("log.db")).unwrap();
    let refused = refusal(ours.path());
    assert!(matches!(refused, OpenError::OtherLog { .. }), "{refused}");
}

#[tokio::test]
async fn a_log_that_ends_below_what_the_store_counted_is_refused() {
    let directory = used().await;
    let write = async |key: CellKey, position: Position| {
        let store = open(directory.path()).store;
        store.write(vec![Cell { key, timestamp: position.raw(), value: "".into() }]).await.unwrap();
    };
    let checkpoint = |partition: i64| CellKey::new(&CHECKPOINT, vec![1_i64.into(), partition.into()], vec![]);
    write(checkpoint(0), Position::before(0)).await;
    write(checkpoint(1), Position::before(3)).await;
    let ids = vec![1_i64.into(), 1_i64.into(), 0_i64.into(), 0_i64.into()];
    write(CellKey::new(&LEDGER, ids.clone(), vec![0_i64.into()]), Position::new(2, 255)).await;
    assert!(try_open(directory.path()).is_ok(), "all of it follows from the three records");
    write(CellKey::new(&LEDGER, ids, vec![0_i64.into()]), Position::new(3, 0)).await;
    let expected = OpenError::LogBehind { generation: 1, partition: 1, end: 3, counted: 3 };
    assert_eq!(refusal(directory.path()), expected);
}

#[tokio::test]
async fn an_ephemeral_directory_goes_with_its_last_owner() {
    let embedded = backends::embedded::Embedded::ephemeral(crate::clock()).unwrap();
    embedded.log.declare("topic", 1).await.unwrap();
    let at = TopicPartition::new("topic", 0);
    assert_eq!(embedded.log.append(&at, vec![record("a")]).await, Ok(vec![0]));
    let directory = embedded.directory().to_owned();
    assert!(directory.exists());
    drop(embedded);
    assert!(!directory.exists());
}
