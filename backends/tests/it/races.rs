//! Many at once: declarations, appends that fail beside appends that do not, readers beside a trimmer.

use crate::{clock, open, try_open};
use backends::conformance::log::{EVERYTHING, read_to_end, record};
use backends::embedded::{BackupError, DeclareError, Embedded, OpenError, backup, restore};
use domain::port::{Log, LogError, TopicPartition};
use domain::time::Timestamp;
use futures::future::join_all;
use std::sync::Arc;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_first_declarations_one_is_made_and_all_others_meet_it() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path()).log;
    let declared = join_all((0..32).map(|_| log.declare("topic", 3))).await;
    assert!(declared.into_iter().all(|declared| declared.is_ok()));
    let at = |partition| TopicPartition::new("topic", partition);
    for partition in 0..3 {
        assert_eq!(log.append(&at(partition), vec![record("a")]).await, Ok(vec![0]));
    }
    assert!(matches!(log.append(&at(3), vec![record("a")]).await, Err(LogError::UnknownPartition(_))));
}

#[tokio::test]
async fn a_topic_keeps_the_layout_it_was_declared_with() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path()).log;
    log.declare_incarnation("topic", 2, vec![10, 20]).await.unwrap();
    let differs =
        DeclareError::Differs { topic: "topic".into(), incarnation: 2, first_offsets: vec![10, 20] };
    for (incarnation, first_offsets) in [(2, vec![10]), (2, vec![10, 21]), (3, vec![10, 20]), (2, vec![])] {
        assert_eq!(log.declare_incarnation("topic", incarnation, first_offsets).await, Err(differs.clone()));
    }
    assert_eq!(differs.to_string(), "topic topic has incarnation 2 and first offsets [10, 20] already");
    assert_eq!(log.declare_incarnation("topic", 2, vec![10, 20]).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_append_that_fails_takes_no_offset_from_those_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path()).log;
    log.declare("topic", 2).await.unwrap();
    log.set_bytes_max(400 * 1024);
    let append = async |caller: usize| {
        let at = TopicPartition::new("topic", u32::try_from(caller % 2).unwrap());
        (at.partition, log.append(&at, vec![record(vec![7; 9_000]); 2]).await)
    };
    let mut first_offsets = [Vec::new(), Vec::new()];
    let mut refused = 0;
    for _ in 0..4 {
        for (partition, outcome) in join_all((0..16).map(append)).await {
            match outcome {
                Ok(offsets) => first_offsets[partition as usize].push(offsets[0]),
                Err(error) => {
                    assert_eq!(error, LogError::Overloaded("the disk is full".into()));
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 0, "the disk was never full");
    for (partition, mut first_offsets) in (0..).zip(first_offsets) {
        first_offsets.sort_unstable();
        let expected: Vec<u64> = (0..first_offsets.len() as u64).map(|caller| 2 * caller).collect();
        assert_eq!(first_offsets, expected, "partition {partition}");
        let entries = read_to_end(&*log, &TopicPartition::new("topic", partition), 0).await;
        assert_eq!(entries.len(), 2 * expected.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_beside_a_trimmer_finds_its_record_or_that_it_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path()).log;
    let at = TopicPartition::new("topic", 0);
    log.declare("topic", 1).await.unwrap();
    log.append(&at, vec![record("a"); 3_000]).await.unwrap();
    let mut readers = JoinSet::new();
    for reader in 0..4_u64 {
        let (log, at) = (Arc::clone(&log), at.clone());
        readers.spawn(async move {
            for offset in (reader..3_000).step_by(37) {
                match log.read(&at, offset, EVERYTHING).await {
                    Ok(entries) => assert_eq!(entries[0].offset, offset),
                    Err(LogError::OutOfRange { asked, low, .. }) => assert!(asked == offset && low > offset),
                    Err(error) => panic!("{error}"),
                }
            }
        });
    }
    for below in (0..=3_000).step_by(250) {
        assert_eq!(log.trim(&at, below, Timestamp::MAX).await, Ok(below));
    }
    while let Some(ended) = readers.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test]
async fn nobody_works_in_a_directory_that_is_being_filled() {
    let source = tempfile::tempdir().unwrap();
    drop(open(source.path()));
    let (kept, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    backup(source.path(), kept.path(), &mut |_| {}).unwrap();
    let mut looks = 0;
    restore(kept.path(), target.path(), &mut |_| {
        looks += 1;
        let refused = try_open(target.path()).map(drop).unwrap_err();
        assert!(matches!(refused, OpenError::Locked { .. }), "{refused}");
        let second = restore(kept.path(), target.path(), &mut |_| {}).unwrap_err();
        assert!(matches!(second, BackupError::Open(OpenError::Locked { .. })), "{second}");
    })
    .unwrap();
    assert_eq!(looks, 2, "once for each file");
    assert!(try_open(target.path()).is_ok());
}

#[tokio::test]
async fn a_process_that_holds_one_part_holds_the_directory() {
    let directory = tempfile::tempdir().unwrap();
    let Embedded { log, store } = open(directory.path());
    drop(log);
    assert!(matches!(try_open(directory.path()), Err(OpenError::Locked { .. })));
    drop(store);
    assert!(try_open(directory.path()).is_ok());
}

#[tokio::test]
async fn a_directory_is_made_with_those_above_it_and_may_be_a_mount_point() {
    let root = tempfile::tempdir().unwrap();
    let deep = root.path().join("a/b/data");
    drop(Embedded::open(&deep, clock(), backends::embedded::OpenOptions::default()).unwrap());
    assert!(deep.join("log.db").exists());
    let mounted = root.path().join("mounted");
    std::fs::create_dir_all(mounted.join("lost+found")).unwrap();
    backup(&deep, &mounted, &mut |_| {}).unwrap();
    assert!(try_open(&mounted).is_ok());
}
