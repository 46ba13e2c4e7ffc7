//! Brokers that lose answers, are slow or go away, as they are told.

use super::at;
use backends::conformance::log::{EVERYTHING, read_to_end, record};
use backends::kafka::{KafkaLog, KafkaOptions};
use domain::port::{Entry, Log, LogError, NewRecord, Watermarks};
use futures::future::join_all;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

pub type Cluster = MockCluster<'static, DefaultProducerContext>;

/// A broker in this process with one topic.
pub fn cluster() -> Cluster {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("topic", 1, 1).unwrap();
    cluster
}

/// Longer than any machine here is busy: for what must succeed.
const PATIENT: Duration = Duration::from_secs(120);

/// Such a broker, and the log on it.
async fn open(change: impl FnOnce(&mut KafkaOptions)) -> (Cluster, Arc<KafkaLog>) {
    let cluster = cluster();
    let mut options = KafkaOptions {
        brokers: cluster.bootstrap_servers(),
        append_timeout: PATIENT,
        request_timeout: Duration::from_secs(3),
        ..KafkaOptions::default()
    };
    change(&mut options);
    let log = KafkaLog::open(options, crate::clock()).await.unwrap();
    (cluster, log)
}

async fn append(log: &KafkaLog, values: &[&'static str]) -> Result<Vec<u64>, LogError> {
    log.append(&at("topic"), values.iter().map(|value| record(*value)).collect()).await
}

async fn append_one(log: &KafkaLog, record: &NewRecord) -> Result<Vec<u64>, LogError> {
    log.append(&at("topic"), vec![record.clone()]).await
}

/// Appends until it is acknowledged, and gives the offset.
async fn append_at_last(log: &KafkaLog, value: &'static str) -> u64 {
    let acknowledged = async {
        loop {
            match append(log, &[value]).await {
                Ok(offsets) => break offsets[0],
                Err(error) => assert!(matches!(error, LogError::UnknownOutcome(_)), "{error}"),
            }
        }
    };
    timeout(PATIENT, acknowledged).await.expect("the broker acknowledges at last")
}

/// Reads until the entry at `offset` comes.
async fn read_at_last(log: &KafkaLog, offset: u64) -> Entry {
    let read = async {
        loop {
            match log.read(&at("topic"), offset, EVERYTHING).await {
                Ok(entries) if entries.is_empty() => {}
                Ok(entries) => break entries[0].clone(),
                Err(error) => assert!(matches!(error, LogError::Unavailable(_)), "{error}"),
            }
        }
    };
    timeout(PATIENT, read).await.expect("the broker answers at last")
}

/// Gives up an append soon: for brokers that do not answer.
fn impatient(options: &mut KafkaOptions) {
    options.append_timeout = Duration::from_secs(1);
}

async fn is_unavailable(log: &KafkaLog) -> bool {
    matches!(log.watermarks(&at("topic")).await, Err(LogError::Unavailable(_)))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_come_is_an_unknown_outcome() {
    let (cluster, log) = open(impatient).await;
    append_at_last(&log, "a").await;
    let lost = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT; 100];
    cluster.request_errors(RDKafkaApiKey::Produce, &lost);
    let outcome = append(&log, &["b"]).await;
    assert!(matches!(outcome, Err(LogError::UnknownOutcome(_))), "{outcome:?}");
    cluster.clear_request_errors(RDKafkaApiKey::Produce);
    // What was lost is still being sent again before it.
    let offset = append_at_last(&log, "c").await;
    let stored = read_to_end(&*log, &at("topic"), 0).await;
    assert_eq!(stored.last().map(|entry| (entry.offset, &entry.value[..])), Some((offset, &b"c"[..])));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_passes_is_not_even_noticed() {
    let (cluster, log) = open(|_| {}).await;
    let passing = [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
    ];
    cluster.request_errors(RDKafkaApiKey::Produce, &passing);
    assert_eq!(append(&log, &["a", "b"]).await, Ok(vec![0, 1]));
    cluster.request_errors(RDKafkaApiKey::Fetch, &passing[..1]);
    assert_eq!(read_to_end(&*log, &at("topic"), 0).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_goes_away_is_unavailable_within_bounds_and_found_again() {
    let (cluster, log) = open(impatient).await;
    let first = append_at_last(&log, "a").await;
    assert_eq!(read_at_last(&log, first).await.value, "a");
    cluster.broker_down(1).unwrap();
    let outcome = append(&log, &["b"]).await;
    assert!(matches!(outcome, Err(LogError::UnknownOutcome(_))), "{outcome:?}");
    assert!(is_unavailable(&log).await);
    let read = log.read(&at("topic"), first + 1, EVERYTHING).await;
    assert!(matches!(read, Err(LogError::Unavailable(_))), "{read:?}");
    cluster.broker_up(1).unwrap();
    while is_unavailable(&log).await {}
    let offset = append_at_last(&log, "c").await;
    assert_eq!(log.watermarks(&at("topic")).await, Ok(Watermarks { low: 0, high: offset + 1 }));
    let entry = read_at_last(&log, offset).await;
    assert_eq!((entry.offset, &entry.value[..]), (offset, &b"c"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_and_takes_more_later() {
    let (cluster, log) = open(|options| options.queue_bytes = 1_000_000).await;
    append(&log, &["first"]).await.unwrap();
    cluster.broker_round_trip_time(1, Duration::from_millis(300)).unwrap();
    let large: NewRecord = record(vec![7; 400_000]);
    let appends = join_all((0..5).map(|_| append_one(&log, &large))).await;
    let full = LogError::Overloaded("the queue to the brokers is full".to_owned());
    let refused = appends.iter().filter(|outcome| **outcome == Err(full.clone())).count();
    let stored = appends.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!((stored, refused), (2, 3), "{appends:?}");
    // The room of what was acknowledged is free a moment later.
    let part = loop {
        match log.append(&at("topic"), vec![large.clone(); 5]).await {
            Err(LogError::Overloaded(_)) => tokio::task::yield_now().await,
            outcome => break outcome,
        }
    };
    let Err(LogError::UnknownOutcome(told)) = part else { panic!("{part:?} of five where two have room") };
    let stored = ["after 1 records: ", "after 2 records: "].iter().position(|begin| told.starts_with(begin));
    assert!(told.ends_with("the queue to the brokers is full"), "{told}");
    cluster.broker_round_trip_time(1, Duration::ZERO).unwrap();
    let offset = append(&log, &["last"]).await.unwrap()[0];
    assert_eq!(offset, 4 + stored.expect("one or two had room") as u64, "the first, two of five, and those");
}
