//! Topics that somebody else made.

use super::brokers;
use backends::kafka::{KafkaLog, KafkaOptions, OpenError};
use domain::port::LogError;
use domain::topic::CATALOG;

fn findings(outcome: Result<(), OpenError>) -> Vec<(String, String)> {
    match outcome {
        Ok(()) => Vec::new(),
        Err(OpenError::Settings { findings, .. }) => {
            findings.into_iter().map(|finding| (finding.setting, finding.found)).collect()
        }
        Err(error) => panic!("{error}"),
    }
}

fn told<'a>(expected: &[(&'a str, &'a str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_refused_for_each_setting_that_is_not_as_it_must_be() {
    brokers::with(async |brokers| {
        let log = brokers.open().await;
        assert_eq!(findings(log.check("absent", 1).await), told(&[("topic", "absent")]));
        let wrong = [
            ("cleanup.policy", "compact"),
            ("message.timestamp.type", "CreateTime"),
            ("unclean.leader.election.enable", "true"),
            ("retention.ms", "1000"),
            ("retention.bytes", "1000000"),
            ("max.message.bytes", "2000"),
        ];
        brokers.create("wrong", 2, &wrong).await;
        let all = [&[("partitions", "2")][..], &wrong[..]].concat();
        let mut found = findings(log.declare("wrong", 3).await);
        found.sort_unstable();
        let mut expected = told(&all);
        expected.sort_unstable();
        assert_eq!(found, expected, "declaring changes nothing that is there");
        for (name, value) in wrong {
            let topic = name.replace('_', "-");
            brokers.create(&topic, 1, &[right(), vec![(name, value)]].concat()).await;
            assert_eq!(findings(log.check(&topic, 1).await), told(&[(name, value)]));
        }
    })
    .await;
}

/// What a topic must be, where the broker's own defaults are not that.
fn right() -> Vec<(&'static str, &'static str)> {
    vec![("message.timestamp.type", "LogAppendTime"), ("retention.ms", "-1")]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_takes_records_where_its_brokers_have_the_copies_that_an_acknowledgement_needs() {
    brokers::with(async |brokers| {
        let log = brokers.open().await;
        log.declare("pulses", 3).await.unwrap();
        assert_eq!(log.check_writable("pulses").await, Ok(()));
        let absent = log.check_writable("absent").await;
        assert!(matches!(absent, Err(LogError::UnknownPartition(_))), "{absent:?}");
        let options = KafkaOptions { replication: 2, min_insync_replicas: 2, ..brokers.options.clone() };
        let careful = KafkaLog::open(options, crate::clock()).await.unwrap();
        let Err(LogError::Unavailable(reason)) = careful.check_writable("pulses").await else {
            panic!("there is one copy of each partition");
        };
        assert!(reason.ends_with("pulses: a partition has 1 copies in sync and needs 2"), "{reason}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_made_once_as_it_must_be_and_found_so_again() {
    brokers::with(async |brokers| {
        let log = brokers.open().await;
        for (topic, partitions) in [("pulses", 3), (CATALOG, 1)] {
            let both = tokio::join!(log.declare(topic, partitions), log.declare(topic, partitions));
            assert_eq!(both, (Ok(()), Ok(())), "two processes may start at once");
            assert_eq!(log.check(topic, partitions).await, Ok(()));
        }
        let another = brokers.open().await;
        assert_eq!(another.declare("pulses", 3).await, Ok(()));
        assert_eq!(findings(another.check("pulses", 2).await), told(&[("partitions", "3")]));
    })
    .await;
}
