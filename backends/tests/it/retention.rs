//! Consumed and old records go; what is left keeps its offsets.

use crate::{NOW, clock, open};
use backends::conformance::log::{EVERYTHING, read_to_end, record};
use backends::embedded::{Embedded, OpenOptions};
use domain::port::{Log, LogError, TopicPartition, Watermarks};
use domain::time::Timestamp;

fn at(partition: u32) -> TopicPartition {
    TopicPartition::new("kept", partition)
}

#[tokio::test]
async fn only_what_is_below_the_offset_and_old_goes() {
    let directory = tempfile::tempdir().unwrap();
    let time = clock();
    let log = Embedded::open(directory.path(), time.clone(), OpenOptions::default()).unwrap().log;
    log.declare("kept", 2).await.unwrap();
    log.append(&at(0), vec![record("old"); 2_500]).await.unwrap();
    log.append(&at(1), vec![record("other")]).await.unwrap();
    time.advance(100);
    log.append(&at(0), vec![record("young"); 10]).await.unwrap();
    let young = NOW.plus_seconds(100);
    assert_eq!(log.trim(&at(0), 2_400, NOW).await, Ok(0), "nothing is older than the first");
    assert_eq!(log.trim(&at(0), 2_400, young).await, Ok(2_400), "the offset bounds it");
    assert_eq!(log.trim(&at(0), 2_505, young).await, Ok(2_500), "the age bounds it");
    assert_eq!(log.trim(&at(0), 10, young).await, Ok(2_500), "it never goes back");
    let outside = LogError::OutOfRange { asked: 2_499, low: 2_500, high: 2_510 };
    assert_eq!(log.read(&at(0), 2_499, EVERYTHING).await, Err(outside));
    assert!(read_to_end(&*log, &at(0), 2_500).await.iter().all(|entry| entry.value == "young"));
    assert_eq!(read_to_end(&*log, &at(1), 0).await.len(), 1);
}

#[tokio::test]
async fn an_emptied_partition_goes_on_where_it_was_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path()).log;
    log.declare("kept", 1).await.unwrap();
    log.append(&at(0), vec![record("a"); 5]).await.unwrap();
    assert_eq!(log.trim(&at(0), u64::MAX, Timestamp::MAX).await, Ok(5));
    drop(log);
    let log = open(directory.path()).log;
    assert_eq!(log.watermarks(&at(0)).await, Ok(Watermarks { low: 5, high: 5 }));
    assert_eq!(log.append(&at(0), vec![record("b")]).await, Ok(vec![5]));
}

#[tokio::test]
async fn a_clock_that_falls_back_does_not_take_the_log_with_it() {
    let directory = tempfile::tempdir().unwrap();
    for seconds in [0, -50, 50] {
        let time = clock();
        time.advance(seconds);
        let log = Embedded::open(directory.path(), time, OpenOptions::default()).unwrap().log;
        log.declare("kept", 1).await.unwrap();
        log.append(&at(0), vec![record("a")]).await.unwrap();
    }
    let entries = read_to_end(&*open(directory.path()).log, &at(0), 0).await;
    let times: Vec<Timestamp> = entries.into_iter().map(|entry| entry.timestamp).collect();
    assert_eq!(times, [NOW, NOW, NOW.plus_seconds(50)]);
}
