//! Topics made while the log is in use.

use crate::embedded::EmbeddedLog;
use crate::kafka::KafkaLog;
use crate::memory::MemoryLog;
use async_trait::async_trait;
use domain::port::{Log, TopicError, Topics};

#[expect(clippy::needless_pass_by_value, reason = "an error is mapped by the function's name")]
fn refused(error: impl ToString) -> TopicError {
    TopicError(error.to_string())
}

#[async_trait]
impl Topics for MemoryLog {
    async fn declare(&self, topic: &str, partitions: u32) -> Result<(), TopicError> {
        Self::declare(self, topic, partitions);
        let found = self.incarnation(topic).await.map_err(refused)?.first_offsets.len();
        if u32::try_from(found) == Ok(partitions) {
            Ok(())
        } else {
            Err(refused(format!("{topic} has {found} partitions, not {partitions}")))
        }
    }
}

#[async_trait]
impl Topics for EmbeddedLog {
    async fn declare(&self, topic: &str, partitions: u32) -> Result<(), TopicError> {
        Self::declare(self, topic, partitions).await.map_err(refused)
    }
}

#[async_trait]
impl Topics for KafkaLog {
    async fn declare(&self, topic: &str, partitions: u32) -> Result<(), TopicError> {
        Self::declare(self, topic, partitions).await.map_err(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::Embedded;
    use crate::memory::ManualClock;
    use domain::port::{NewRecord, TopicPartition};
    use domain::time::Timestamp;
    use std::sync::Arc;

    async fn topics_are_made_once(topics: &dyn Topics, log: &dyn Log) {
        topics.declare("new", 3).await.unwrap();
        let record = NewRecord { headers: Vec::new(), value: b"kept".as_slice().into() };
        let last = TopicPartition::new("new", 2);
        log.append(&last, vec![record]).await.unwrap();
        topics.declare("new", 3).await.unwrap();
        assert_eq!(log.watermarks(&last).await.unwrap().high, 1, "what is there stays");
        assert_eq!(log.incarnation("new").await.unwrap().first_offsets, [0; 3]);
        let differs = topics.declare("new", 4).await.unwrap_err();
        assert!(differs.to_string().starts_with("the topic cannot be declared: "), "{differs}");
        assert!(log.watermarks(&TopicPartition::new("new", 3)).await.is_err());
    }

    #[tokio::test]
    async fn a_topic_is_made_where_it_is_absent_and_never_grown() {
        let clock = || Arc::new(ManualClock::at(Timestamp::EPOCH));
        let memory = MemoryLog::new(clock());
        topics_are_made_once(&memory, &memory).await;
        let Embedded { log, .. } = Embedded::ephemeral(clock()).unwrap();
        topics_are_made_once(&*log, &*log).await;
    }
}
