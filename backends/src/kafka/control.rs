//! Questions to the brokers about topics: how many partitions, from where to where.

use super::topics::Place;
use super::voice::Voice;
use super::{KafkaOptions, OpenError};
use domain::port::{LogError, Watermarks};
use rdkafka::client::Client;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaErrorCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;

/// A topic as the brokers describe it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// How many partitions it has.
    pub partitions: usize,
    /// The copies of the partition that has fewest.
    pub replicas: usize,
    /// The copies in sync of the partition that has fewest.
    pub in_sync: usize,
    /// Whether every partition has a leader.
    pub is_led: bool,
}

impl Shape {
    /// Whether what is sent to every partition would be acknowledged where so many copies must be in sync.
    pub fn check_writable(self, topic: &str, in_sync_min: usize) -> Result<(), LogError> {
        let refused = |reason: String| Err(LogError::Unavailable(format!("{topic}: {reason}")));
        if !self.is_led {
            return refused("a partition has no leader".to_owned());
        }
        if self.in_sync < in_sync_min {
            let Self { in_sync, .. } = self;
            return refused(format!("a partition has {in_sync} copies in sync and needs {in_sync_min}"));
        }
        Ok(())
    }
}

/// A client that only asks. It is a consumer, for a producer's questions may create topics.
pub struct Control {
    consumer: Arc<BaseConsumer<Voice>>,
    timeout: Duration,
}

impl Control {
    /// Connects when it is first asked.
    pub fn new(options: &KafkaOptions) -> Result<Self, OpenError> {
        let consumer = BaseConsumer::from_config_and_context(&options.control(), Voice);
        let consumer = Arc::new(consumer.map_err(|error| OpenError::Client(error.to_string()))?);
        Ok(Self { consumer, timeout: options.request_timeout })
    }

    /// The name of the cluster that answers, also about a topic that is not there.
    pub async fn cluster(&self, topic: String) -> Result<String, LogError> {
        let found = self.ask(move |client, timeout| {
            client.fetch_metadata(Some(&topic), timeout)?;
            Ok(client.fetch_cluster_id(timeout))
        });
        found.await?.ok_or_else(|| LogError::Unavailable("the brokers do not name their cluster".to_owned()))
    }

    /// A topic, where it is there.
    pub async fn find(&self, topic: String) -> Result<Option<Shape>, LogError> {
        self.ask(move |client, timeout| {
            let metadata = client.fetch_metadata(Some(&topic), timeout)?;
            let found = metadata.topics().iter().find(|found| found.name() == topic);
            let Some(found) = found.filter(|found| !found.partitions().is_empty()) else { return Ok(None) };
            let partitions = found.partitions();
            Ok(Some(Shape {
                partitions: partitions.len(),
                replicas: partitions.iter().map(|one| one.replicas().len()).min().unwrap_or(0),
                in_sync: partitions.iter().map(|one| one.isr().len()).min().unwrap_or(0),
                is_led: partitions.iter().all(|one| one.leader() >= 0),
            }))
        })
        .await
    }

    /// The bounds of what a partition holds.
    pub async fn watermarks(&self, of: &Place<'_>) -> Result<Watermarks, LogError> {
        let (name, number, base) = (of.name.clone(), of.number, of.base);
        let asked = self.ask(move |client, timeout| match client.fetch_watermarks(&name, number, timeout) {
            Err(error) if is_unknown(&error) => Ok(None),
            answer => answer.map(|own| Some(base.watermarks(own))),
        });
        asked.await?.ok_or_else(|| LogError::UnknownPartition(of.at.clone()))
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Client<Voice>, Duration) -> KafkaResult<T> + Send + 'static,
    ) -> Result<T, LogError> {
        let (consumer, timeout) = (Arc::clone(&self.consumer), self.timeout);
        let answer = spawn_blocking(move || question(consumer.client(), timeout)).await;
        answer.map_err(|error| unavailable(&error))?.map_err(|error| unavailable(&error))
    }
}

/// The brokers know no such topic or partition.
pub fn is_unknown(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{UnknownPartition, UnknownTopic, UnknownTopicOrPartition};
    let code = error.rdkafka_error_code();
    matches!(code, Some(UnknownPartition | UnknownTopic | UnknownTopicOrPartition))
}

/// What could not be asked or read now.
pub fn unavailable(error: &dyn std::error::Error) -> LogError {
    LogError::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_there_is_unknown() {
        use RDKafkaErrorCode as Code;
        for code in [Code::UnknownTopicOrPartition, Code::UnknownPartition, Code::UnknownTopic] {
            assert!(is_unknown(&KafkaError::MetadataFetch(code)), "{code:?}");
        }
        for code in [Code::BrokerTransportFailure, Code::OperationTimedOut, Code::TopicAuthorizationFailed] {
            assert!(!is_unknown(&KafkaError::MetadataFetch(code)), "{code:?}");
        }
        assert!(!is_unknown(&KafkaError::Canceled));
    }

    #[test]
    fn a_topic_takes_records_while_it_is_led_and_enough_copies_are_in_sync() {
        let shape = Shape { partitions: 3, replicas: 3, in_sync: 2, is_led: true };
        assert_eq!(shape.check_writable("topic", 2), Ok(()));
        let refusal = |shape: Shape| shape.check_writable("topic", 2).unwrap_err().to_string();
        let alone = refusal(Shape { in_sync: 1, ..shape });
        assert!(alone.ends_with("topic: a partition has 1 copies in sync and needs 2"), "{alone}");
        let leaderless = refusal(Shape { is_led: false, ..shape });
        assert!(leaderless.ends_with("topic: a partition has no leader"), "{leaderless}");
    }

    #[tokio::test]
    async fn who_does_not_answer_is_unavailable_in_time() {
        let options = KafkaOptions {
            brokers: "127.0.0.1:1".to_owned(),
            request_timeout: Duration::from_millis(50),
            ..KafkaOptions::default()
        };
        let control = Control::new(&options).unwrap();
        let found = control.find("topic".to_owned()).await;
        assert!(matches!(found, Err(LogError::Unavailable(_))), "{found:?}");
        let cluster = control.cluster("topic".to_owned()).await;
        assert!(matches!(cluster, Err(LogError::Unavailable(_))), "{cluster:?}");
    }
}
