//! The port, put together from its parts.

use super::append::Producer;
use super::control::Control;
use super::read::Readers;
use super::topics::Topics;
use super::{KafkaOptions, OpenError, member};
use crate::bounds;
use crate::metrics::{self, Ending, Meter};
use async_trait::async_trait;
use domain::generation::{Generation, Incarnation};
use domain::port::{
    AssignmentChange, Clock, Entry, Log, LogError, NewRecord, ReadLimit, TopicPartition, Watermarks,
};
use domain::time::Timestamp;
use futures::stream::BoxStream;
use std::sync::Arc;
use std::time::Duration;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::TaskTracker;

/// The name under which this log tells its times and counts.
const NAME: &str = "kafka";
/// How long the end of a membership may take; below what a process has to go down.
const LEAVE_MAX: Duration = Duration::from_secs(3);

/// The log on Kafka.
pub struct KafkaLog {
    options: KafkaOptions,
    control: Arc<Control>,
    topics: Topics,
    readers: Readers,
    producer: Producer,
    members: TaskTracker,
    meter: Meter,
}

impl KafkaLog {
    /// Connects to the brokers, which must answer.
    pub async fn open(options: KafkaOptions, clock: Arc<dyn Clock>) -> Result<Arc<Self>, OpenError> {
        options.check_build()?;
        metrics::describe();
        let control = Arc::new(Control::new(&options)?);
        let topics = Topics::open(options.clone(), Arc::clone(&control)).await?;
        let readers = Readers::new(&options, Arc::clone(&control), Arc::clone(&clock));
        let producer = Producer::new(&options, Arc::clone(&clock))?;
        let meter = Meter::new(NAME, clock);
        let members = TaskTracker::new();
        Ok(Arc::new(Self { options, control, topics, readers, producer, members, meter }))
    }

    /// Makes sure the topic is there with that many partitions and the settings it must have.
    pub async fn declare(&self, topic: &str, partitions: u32) -> Result<(), OpenError> {
        self.topics.declare(topic, partitions as usize).await
    }

    /// Finds all that is wrong with a topic's settings, and changes nothing.
    pub async fn check(&self, topic: &str, partitions: u32) -> Result<(), OpenError> {
        self.topics.check(topic, partitions as usize).await
    }

    /// Whether every partition of a topic would acknowledge a record now, by what the brokers say of it.
    pub async fn check_writable(&self, topic: &str) -> Result<(), LogError> {
        self.topics.check_writable(topic).await
    }

    /// Takes the newest incarnation that the catalogue's log names for a topic. It must be the topic of these brokers.
    pub fn learn(&self, topic: &str, incarnation: Incarnation) -> Result<(), OpenError> {
        self.topics.learn(topic, incarnation)?;
        self.readers.forget(topic);
        Ok(())
    }

    /// Waits until nobody here is a member of a group any more, once all assignments are dropped: what a process owned is
    /// given to others at once then, and not after its session. Brokers that are away are not waited for.
    pub async fn leave(&self) {
        self.members.close();
        if tokio::time::timeout(LEAVE_MAX, self.members.wait()).await.is_err() {
            tracing::warn!("the brokers did not take the end of a membership; its session ends by itself");
        }
    }
}

#[async_trait]
impl Log for KafkaLog {
    async fn append(&self, to: &TopicPartition, records: Vec<NewRecord>) -> Result<Vec<u64>, LogError> {
        let place = self.topics.place(to).await?;
        let bytes = bounds::check_records(&records)?;
        let began = self.meter.now();
        self.meter.queued();
        let outcome = self.producer.append(&place.name, place.number, &records).await;
        self.meter.taken(1);
        self.meter.committed(began, 1, ending(&outcome));
        let own = outcome?;
        self.meter.written(began, bytes);
        Ok(own.into_iter().map(|own| place.base.logical(own)).collect())
    }

    async fn read(
        &self,
        from: &TopicPartition,
        offset: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Entry>, LogError> {
        let began = self.meter.now();
        let place = self.topics.place(from).await?;
        let entries = self.readers.read(&place, offset, limit).await;
        self.meter.read(began);
        entries
    }

    async fn watermarks(&self, of: &TopicPartition) -> Result<Watermarks, LogError> {
        self.topics.look(&of.topic).await?;
        let place = self.topics.place(of).await?;
        self.producer.check(&place.name, place.number)?;
        self.control.watermarks(&place).await
    }

    async fn incarnation(&self, topic: &str) -> Result<Incarnation, LogError> {
        Ok((*self.topics.look(topic).await?).clone())
    }

    fn time(&self) -> Option<Timestamp> {
        self.producer.time()
    }

    fn assignments(&self, generation: Arc<Generation>) -> BoxStream<'static, AssignmentChange> {
        let (config, topic) = (self.options.member(&generation.topic), self.options.topic(&generation.topic));
        Box::pin(ReceiverStream::new(member::join(config, topic, generation, &self.members)))
    }
}

fn ending<T>(outcome: &Result<T, LogError>) -> Ending {
    match outcome {
        Ok(_) => Ending::Synced,
        Err(LogError::UnknownOutcome(_)) => Ending::Unknown,
        Err(_) => Ending::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_append_is_counted_by_what_is_known_of_it() {
        assert_eq!(ending(&Ok(())), Ending::Synced);
        let reason = || "as it was told".to_owned();
        assert_eq!(ending::<()>(&Err(LogError::UnknownOutcome(reason()))), Ending::Unknown);
        for refused in [LogError::Overloaded(reason()), LogError::Unavailable(reason())] {
            assert_eq!(ending::<()>(&Err(refused)), Ending::Refused);
        }
    }
}
