//! The log on Kafka: on real brokers, under a prefix of its own for each test, and on brokers that fail as told.

mod brokers;
mod faults;
mod group;
mod measured;
mod settings;

use backends::conformance::log::{EVERYTHING, PARTITIONS, log_suite, read_to_end, record};
use backends::kafka::{KafkaLog, KafkaOptions, OpenError};
use brokers::Brokers;
use domain::generation::Incarnation;
use domain::port::{Log, LogError, ReadLimit, TopicPartition, Watermarks};
use futures::future::join_all;
use std::sync::Arc;
use std::time::Duration;

fn at(topic: &str) -> TopicPartition {
    TopicPartition::new(topic, 0)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kafka_log_keeps_the_rules() {
    brokers::with(async |brokers| {
        let log = brokers.open().await;
        let declare = async |topic: &'static str| -> Arc<dyn Log> {
            log.declare(topic, PARTITIONS).await.unwrap();
            Arc::clone(&log) as _
        };
        log_suite(declare).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kafka_log_does_what_only_brokers_make_it_do() {
    brokers::with(async |brokers| {
        let log = brokers.open().await;
        two_processes_may_write_to_one_partition(&log, &*brokers.open().await).await;
        readers_at_different_places_do_not_disturb_each_other(&log).await;
        offsets_go_on_in_another_incarnation(&log, brokers).await;
        what_retention_took_is_out_of_range(&log, brokers).await;
        a_topic_that_was_made_anew_is_noticed(&log, brokers).await;
        partitions_that_come_are_not_ours_and_those_that_go_are_told(&log, brokers).await;
    })
    .await;
}

/// The records of one come between those of the other, and each is told where its own are.
async fn two_processes_may_write_to_one_partition(one: &KafkaLog, other: &KafkaLog) {
    one.declare("shared", 1).await.unwrap();
    let append = async |log: &KafkaLog, caller: usize| {
        let values: Vec<String> = (0..20).map(|index| format!("{caller}.{index}")).collect();
        let records = values.iter().map(|value| record(value.clone())).collect();
        let offsets = log.append(&at("shared"), records).await.unwrap();
        assert!(offsets.is_sorted(), "{offsets:?}");
        offsets.into_iter().zip(values).collect::<Vec<_>>()
    };
    let callers = (0..20).map(|caller| append(if caller % 2 == 0 { one } else { other }, caller));
    let mut told: Vec<(u64, String)> = join_all(callers).await.concat();
    told.sort();
    let stored = read_to_end(one, &at("shared"), 0).await;
    let stored =
        stored.into_iter().map(|entry| (entry.offset, String::from_utf8(entry.value.into()).unwrap()));
    assert_eq!(stored.collect::<Vec<_>>(), told);
    assert_eq!(told.len(), 400);
    assert!(one.time().is_some() && other.time().is_some(), "the brokers date what they store");
}

async fn readers_at_different_places_do_not_disturb_each_other(log: &KafkaLog) {
    log.declare("readers", 1).await.unwrap();
    let records = (0..300).map(|number| record(number.to_string())).collect();
    log.append(&at("readers"), records).await.unwrap();
    let few = ReadLimit { bytes: 20, wait: Duration::ZERO };
    // More readers than cursors are kept, one of them behind the others, one that jumps back.
    let mut next = [0, 100, 150, 200, 250, 37];
    for turn in 0..6 {
        for offset in &mut next {
            let entries = log.read(&at("readers"), *offset, few).await.unwrap();
            for entry in &entries {
                assert_eq!((entry.offset, &entry.value[..]), (*offset, offset.to_string().as_bytes()));
                *offset += 1;
            }
            assert!((1..=20).contains(&entries.len()), "{}", entries.len());
        }
        next[5] = turn;
    }
    let abandoned = ReadLimit { bytes: 20, wait: Duration::from_secs(60) };
    let at = at("readers");
    let waiting = log.read(&at, 300, abandoned);
    assert!(tokio::time::timeout(Duration::from_millis(50), waiting).await.is_err());
    log.append(&at, vec![record("new")]).await.unwrap();
    assert_eq!(log.read(&at, 300, abandoned).await.unwrap()[0].value, "new");
}

async fn offsets_go_on_in_another_incarnation(log: &KafkaLog, brokers: &Brokers) {
    log.declare("moved", 2).await.unwrap();
    let log_id = log.incarnation("moved").await.unwrap().log_id;
    assert!(log_id.ends_with(&format!("/{}", brokers.name("moved"))), "{log_id}");
    let second = Incarnation { number: 2, log_id, first_offsets: vec![1_000, 2_000] };
    log.learn("moved", second.clone()).unwrap();
    assert_eq!(log.incarnation("moved").await, Ok(second));
    assert_eq!(log.append(&at("moved"), vec![record("a"), record("b")]).await, Ok(vec![1_000, 1_001]));
    let other = TopicPartition::new("moved", 1);
    assert_eq!(log.append(&other, vec![record("c")]).await, Ok(vec![2_000]));
    assert_eq!(log.watermarks(&at("moved")).await, Ok(Watermarks { low: 1_000, high: 1_002 }));
    let entries = log.read(&at("moved"), 1_001, EVERYTHING).await.unwrap();
    assert_eq!((entries.len(), entries[0].offset, &entries[0].value[..]), (1, 1_001, &b"b"[..]));
    let outside = |asked| Err(LogError::OutOfRange { asked, low: 1_000, high: 1_002 });
    assert_eq!(log.read(&at("moved"), 999, EVERYTHING).await, outside(999));
    assert_eq!(log.read(&at("moved"), 1_003, EVERYTHING).await, outside(1_003));
}

async fn what_retention_took_is_out_of_range(log: &KafkaLog, brokers: &Brokers) {
    log.declare("trimmed", 1).await.unwrap();
    log.append(&at("trimmed"), vec![record("a"); 9]).await.unwrap();
    brokers.trim("trimmed", 0, 5).await;
    assert_eq!(log.watermarks(&at("trimmed")).await, Ok(Watermarks { low: 5, high: 9 }));
    let outside = LogError::OutOfRange { asked: 4, low: 5, high: 9 };
    assert_eq!(log.read(&at("trimmed"), 4, EVERYTHING).await, Err(outside));
    assert_eq!(read_to_end(log, &at("trimmed"), 5).await.len(), 4);
}

async fn a_topic_that_was_made_anew_is_noticed(log: &KafkaLog, brokers: &Brokers) {
    log.declare("anew", 1).await.unwrap();
    log.append(&at("anew"), vec![record("a"); 3]).await.unwrap();
    brokers.delete("anew").await;
    assert_eq!(log.watermarks(&at("anew")).await, Err(LogError::UnknownPartition(at("anew"))));
    brokers.create("anew", 1, &[]).await;
    // Which of the two depends on what the client remembers of the name; both stop the reader.
    let outside = LogError::OutOfRange { asked: 3, low: 0, high: 0 };
    let unknown = LogError::UnknownPartition(at("anew"));
    let stopped = log.read(&at("anew"), 3, EVERYTHING).await.unwrap_err();
    assert!([outside, unknown].contains(&stopped), "{stopped}");
}

/// What was added is none of ours, and what was ours is where it was; what is missing is told.
async fn partitions_that_come_are_not_ours_and_those_that_go_are_told(log: &KafkaLog, brokers: &Brokers) {
    log.declare("shape", 2).await.unwrap();
    log.append(&at("shape"), vec![record("a"); 3]).await.unwrap();
    let before = log.incarnation("shape").await;
    brokers.grow("shape", 3).await;
    assert_eq!(log.incarnation("shape").await, before);
    assert_eq!(log.watermarks(&at("shape")).await, Ok(Watermarks { low: 0, high: 3 }));
    assert_eq!(log.append(&at("shape"), vec![record("b")]).await, Ok(vec![3]));
    let added = TopicPartition::new("shape", 2);
    let unknown = LogError::UnknownPartition(added.clone());
    assert_eq!(log.append(&added, vec![record("c")]).await, Err(unknown.clone()));
    assert_eq!(log.watermarks(&added).await, Err(unknown));
    let grown = log.check("shape", 2).await.unwrap_err();
    assert!(matches!(&grown, OpenError::Settings { findings, .. } if findings[0].is_growth()), "{grown}");
    brokers.delete("shape").await;
    brokers.create("shape", 1, &[]).await;
    let missing = Err(LogError::UnknownPartition(TopicPartition::new("shape", 1)));
    assert_eq!(log.incarnation("shape").await, missing);
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_are_not_there_are_told_by_their_address() {
    let options = KafkaOptions {
        brokers: "127.0.0.1:1".to_owned(),
        request_timeout: Duration::from_millis(300),
        ..KafkaOptions::default()
    };
    let Err(error) = KafkaLog::open(options, crate::clock()).await else { panic!("nothing is there") };
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
    assert!(error.to_string().starts_with("the brokers 127.0.0.1:1 do not answer: "), "{error}");
}
