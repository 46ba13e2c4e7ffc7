//! A backup is the state of one moment, taken while others write; what is restored from it is whole, and no part of it
//! is taken for a part of the original.

use crate::child::{self, Running};
use crate::{open, try_open};
use backends::conformance::log::{read_to_end, record};
use backends::embedded::{BackupError, Embedded, OpenError, Progress, backup, restore};
use domain::port::{CellStore, Log, Query, TopicPartition, Watermarks, read_all};
use domain::position::Position;
use domain::table::{CHECKPOINT, Cell, CellKey};
use domain::time::Timestamp;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

const TOPIC: &str = "resource-consumption.g1";

fn at() -> TopicPartition {
    TopicPartition::new(TOPIC, 0)
}

/// Appends a record and stores that it is counted, as a consumer does.
async fn count_one(embedded: &Embedded, value: &'static str) {
    let offset = embedded.log.append(&at(), vec![record(value)]).await.unwrap()[0];
    let key = CellKey::new(&CHECKPOINT, vec![1_i64.into(), 0_i64.into()], vec![]);
    let timestamp = Position::before(offset + 1).raw();
    embedded.store.write(vec![Cell { key, timestamp, value: value.into() }]).await.unwrap();
}

/// How many records the log has, and how many of them the store has counted.
async fn reach(embedded: &Embedded) -> (u64, u64) {
    let query = Query::all(&CHECKPOINT, vec![1_i64.into(), 0_i64.into()]);
    let cells = read_all(&*embedded.store, query).await.unwrap();
    let counted = cells.first().map_or(0, |cell| cell.timestamp.cast_unsigned() / 256);
    (read_to_end(&*embedded.log, &at(), 0).await.len() as u64, counted)
}

/// A directory in use, three records counted.
async fn in_use() -> (TempDir, Embedded) {
    let directory = tempfile::tempdir().unwrap();
    let embedded = open(directory.path());
    embedded.log.declare(TOPIC, 1).await.unwrap();
    for value in ["a", "b", "c"] {
        count_one(&embedded, value).await;
    }
    (directory, embedded)
}

fn silent(_: Progress) {}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_between_the_two_files_does_not_tear_them_apart() {
    let (directory, embedded) = in_use().await;
    let embedded = Arc::new(embedded);
    let target = tempfile::tempdir().unwrap();
    let (from, to, busy) = (directory.path().to_owned(), target.path().to_owned(), Arc::clone(&embedded));
    let (now, mut files) = (Handle::current(), Vec::new());
    let files = spawn_blocking(move || {
        let mut between = |progress: Progress| {
            files.push(progress.file);
            now.block_on(async {
                count_one(&busy, "in between").await;
                let low = busy.log.trim(&at(), u64::MAX, Timestamp::MAX).await;
                assert_eq!(low, Ok(0), "the log keeps what the copy of the store has not counted");
            });
        };
        backup(&from, &to, &mut between).map(|()| files)
    });
    assert_eq!(files.await.unwrap().unwrap(), ["store.db", "log.db"]);
    assert_eq!(reach(&embedded).await, (5, 5));
    assert_eq!(embedded.log.trim(&at(), 4, Timestamp::MAX).await, Ok(4), "it is over");
    let copy = open(target.path());
    assert_eq!(reach(&copy).await, (4, 3), "the log reaches beyond the store, and from its beginning");
}

/// Hidden: counts records until it is killed, and says so after each.
#[tokio::test]
async fn child_counts_until_killed() {
    let Some(directory) = child::directory() else { return };
    let embedded = open(&directory);
    embedded.log.declare(TOPIC, 1).await.unwrap();
    loop {
        count_one(&embedded, "counted").await;
        child::say("counted");
    }
}

#[tokio::test]
async fn a_backup_is_taken_while_another_process_works() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = Running::start("backup::child_counts_until_killed", directory.path());
    let mut least = 0;
    for _ in 0..3 {
        for _ in 0..20 {
            assert_eq!(child.hear().as_deref(), Some("counted"));
        }
        least += 20;
        let target = tempfile::tempdir().unwrap();
        backup(directory.path(), target.path(), &mut silent).unwrap();
        let (records, counted) = reach(&open(target.path())).await;
        assert!(records >= counted && counted >= least, "{records}, {counted}, {least}");
    }
    let locked = try_open(directory.path()).map(drop).unwrap_err();
    assert!(matches!(locked, OpenError::Locked { .. }), "it worked all the time: {locked}");
}

#[tokio::test]
async fn what_is_restored_is_the_state_of_the_backup_and_goes_on_by_itself() {
    let (directory, embedded) = in_use().await;
    let (kept, restored) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    backup(directory.path(), kept.path(), &mut silent).unwrap();
    count_one(&embedded, "after the backup").await;
    drop(embedded);
    restore(kept.path(), restored.path(), &mut silent).unwrap();
    let embedded = open(restored.path());
    assert_eq!(reach(&embedded).await, (3, 3));
    count_one(&embedded, "another fourth").await;
    assert_eq!(reach(&embedded).await, (4, 4));
    assert_eq!(reach(&open(directory.path())).await, (4, 4), "the original is as it was");
}

#[tokio::test]
async fn files_of_before_and_after_a_restore_do_not_mix() {
    let (directory, embedded) = in_use().await;
    drop(embedded);
    let (kept, one, other) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    backup(directory.path(), kept.path(), &mut silent).unwrap();
    restore(kept.path(), one.path(), &mut silent).unwrap();
    restore(kept.path(), other.path(), &mut silent).unwrap();
    for (from, to) in [(directory.path(), one.path()), (one.path(), other.path())] {
        fs::copy(from.join("log.db"), to.join("log.db")).unwrap();
        let refused = try_open(to).map(drop).unwrap_err();
        assert!(matches!(refused, OpenError::OtherLog { .. }), "{refused}");
    }
    let again = tempfile::tempdir().unwrap();
    let branched = tempfile::tempdir().unwrap();
    backup(one.path(), again.path(), &mut silent).unwrap_err();
    restore(kept.path(), branched.path(), &mut silent).unwrap();
    backup(branched.path(), again.path(), &mut silent).unwrap();
    assert!(try_open(again.path()).is_ok(), "a backup of a branch is whole");
}

#[tokio::test]
async fn nothing_is_overwritten_and_nothing_is_made_of_nothing() {
    let (directory, embedded) = in_use().await;
    drop(embedded);
    let (full, empty) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(full.path().join("thesis.txt"), "mine").unwrap();
    for copy in [backup, restore] {
        let refused = copy(directory.path(), full.path(), &mut silent);
        assert_eq!(refused, Err(BackupError::NotEmpty(full.path().into())));
        let refused = copy(directory.path(), directory.path(), &mut silent);
        assert_eq!(refused, Err(BackupError::NotEmpty(directory.path().into())));
        let refused = copy(empty.path(), &full.path().join("new"), &mut silent);
        assert_eq!(refused, Err(BackupError::NoData(empty.path().into())));
        let gone = empty.path().join("gone");
        assert_eq!(copy(&gone, full.path(), &mut silent), Err(BackupError::NoData(gone)));
    }
    assert!(!full.path().join("new").exists());
    let _open = open(directory.path());
    let locked = backup(full.path(), directory.path(), &mut silent).unwrap_err();
    assert_eq!(locked, BackupError::NoData(full.path().into()), "the source is looked at first");
}

#[tokio::test]
async fn half_a_directory_is_no_source_and_a_broken_file_leaves_nothing_behind() {
    for (file, half) in [("log.db", "store.db"), ("store.db", "log.db")] {
        let (directory, embedded) = in_use().await;
        drop(embedded);
        let target = tempfile::tempdir().unwrap();
        let content = fs::read(directory.path().join(file)).unwrap();
        fs::write(directory.path().join(file), "no database at all".repeat(99)).unwrap();
        let refused = backup(directory.path(), target.path(), &mut silent).unwrap_err();
        let is_named =
            |error: &OpenError| matches!(error, OpenError::Damaged { file: named, .. } if *named == file);
        assert!(matches!(&refused, BackupError::Open(error) if is_named(error)), "{refused}");
        fs::write(directory.path().join(file), &content[..content.len() / 2]).unwrap();
        let refused = backup(directory.path(), target.path(), &mut silent);
        assert!(refused.is_err(), "half of {file} is taken for all of it");
        fs::remove_file(directory.path().join(file)).unwrap();
        let refused = backup(directory.path(), target.path(), &mut silent);
        let expected = OpenError::Incomplete { directory: directory.path().into(), missing: file };
        assert_eq!(refused, Err(BackupError::Open(expected)));
        let left: Vec<_> =
            fs::read_dir(target.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["pulse.lock"], "{half} was taken away again");
    }
}

#[tokio::test]
async fn a_restore_that_was_cut_off_is_refused() {
    let (directory, embedded) = in_use().await;
    drop(embedded);
    let target = tempfile::tempdir().unwrap();
    fs::copy(directory.path().join("store.db"), target.path().join("store.db")).unwrap();
    let missing = OpenError::Incomplete { directory: target.path().into(), missing: "log.db" };
    assert_eq!(try_open(target.path()).map(drop), Err(missing.clone()));
    fs::write(target.path().join("log.db"), "").unwrap();
    assert_eq!(try_open(target.path()).map(drop), Err(missing), "an empty file is no log yet");
}

#[tokio::test]
async fn the_progress_of_each_file_rises_to_its_size() {
    let (directory, embedded) = in_use().await;
    let big = (0..300).map(|_| record(vec![7; 30_000])).collect();
    embedded.log.append(&at(), big).await.unwrap();
    let target = tempfile::tempdir().unwrap();
    let mut told: Vec<Progress> = Vec::new();
    backup(directory.path(), target.path(), &mut |progress| told.push(progress)).unwrap();
    let of_log: Vec<Progress> = told.iter().copied().filter(|progress| progress.file == "log.db").collect();
    assert!(of_log.len() > 2 && of_log.is_sorted_by_key(|progress| progress.bytes));
    for file in ["store.db", "log.db"] {
        let last = told.iter().rfind(|progress| progress.file == file).unwrap();
        let bytes = fs::metadata(target.path().join(file)).unwrap().len();
        assert_eq!((last.bytes, last.bytes_total), (bytes, bytes), "{file}");
    }
}

#[tokio::test]
async fn a_copy_is_two_files_that_can_be_read_where_nothing_can_be_written() {
    let (directory, _embedded) = in_use().await;
    let target = tempfile::tempdir().unwrap();
    backup(directory.path(), target.path(), &mut silent).unwrap();
    let mut names: Vec<_> =
        fs::read_dir(target.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["log.db", "pulse.lock", "store.db"]);
    for name in ["log.db", "store.db"] {
        let header = fs::read(target.path().join(name)).unwrap();
        assert_eq!(header[18..20], [1, 1], "{name} needs no write-ahead log");
    }
}

#[tokio::test]
async fn emptied_partitions_keep_their_bounds_in_a_backup() {
    let (directory, embedded) = in_use().await;
    embedded.log.trim(&at(), u64::MAX, Timestamp::MAX).await.unwrap();
    let (kept, restored) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    backup(directory.path(), kept.path(), &mut silent).unwrap();
    restore(kept.path(), restored.path(), &mut silent).unwrap();
    let embedded = open(restored.path());
    assert_eq!(embedded.log.watermarks(&at()).await, Ok(Watermarks { low: 3, high: 3 }));
}

#[test]
fn errors_name_what_to_do() {
    let path = Path::new("/data");
    let texts = [
        (BackupError::NoData(path.into()), "/data holds no data of pulse; name a data directory or a backup"),
        (BackupError::NotEmpty(path.into()), "/data is not empty; name an empty directory or a new one"),
        (
            BackupError::Failed { file: "log.db", detail: "disk I/O error".into() },
            "log.db cannot be copied: disk I/O error",
        ),
    ];
    for (error, text) in texts {
        assert_eq!(error.to_string(), text);
    }
}
