//! Names of their own on real brokers, taken away at the end; and brokers that fail as they are told.

use backends::engines;
use backends::kafka::{KafkaLog, KafkaOptions};
use futures::FutureExt;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

/// A prefix that nobody else uses, on brokers that are there.
pub struct Brokers {
    pub options: KafkaOptions,
    admin: AdminClient<DefaultClientContext>,
}

impl Brokers {
    fn at(brokers: String) -> Self {
        let admin = ClientConfig::new().set("bootstrap.servers", &brokers).create().unwrap();
        let topic_prefix = format!("test-{:016x}.", RandomState::new().hash_one(0));
        Self { options: KafkaOptions { brokers, topic_prefix, ..KafkaOptions::default() }, admin }
    }

    pub async fn open(&self) -> Arc<KafkaLog> {
        KafkaLog::open(self.options.clone(), crate::clock()).await.unwrap()
    }

    /// A topic as somebody else would make it.
    pub async fn create(&self, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
        let name = self.name(topic);
        let new = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
        let new = settings.iter().fold(new, |new, (name, value)| new.set(name, value));
        self.admin.create_topics([&new], &AdminOptions::new()).await.unwrap().remove(0).unwrap();
        while self.partitions(&name) == 0 {}
    }

    pub async fn delete(&self, topic: &str) {
        let name = self.name(topic);
        self.admin.delete_topics(&[&name], &AdminOptions::new()).await.unwrap().remove(0).unwrap();
        while self.partitions(&name) > 0 {}
    }

    /// Adds partitions up to so many.
    pub async fn grow(&self, topic: &str, partitions: usize) {
        let name = self.name(topic);
        let more = [NewPartitions::new(&name, partitions)];
        self.admin.create_partitions(&more, &AdminOptions::new()).await.unwrap().remove(0).unwrap();
        while self.partitions(&name) < partitions {}
    }

    fn partitions(&self, name: &str) -> usize {
        let metadata = self.admin.inner().fetch_metadata(None, Duration::from_secs(10)).unwrap();
        let found = metadata.topics().iter().find(|topic| topic.name() == name);
        found.map_or(0, |topic| topic.partitions().len())
    }

    /// What retention does.
    pub async fn trim(&self, topic: &str, partition: i32, below: i64) {
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(&self.name(topic), partition, Offset::Offset(below)).unwrap();
        self.admin.delete_records(&offsets, &AdminOptions::new()).await.unwrap();
    }

    pub fn name(&self, topic: &str) -> String {
        format!("{}{topic}", self.options.topic_prefix)
    }

    async fn clean_up(&self) {
        let metadata = self.admin.inner().fetch_metadata(None, Duration::from_secs(10)).unwrap();
        let names = metadata.topics().iter().map(rdkafka::metadata::MetadataTopic::name);
        let ours: Vec<&str> = names.filter(|name| name.starts_with(&self.options.topic_prefix)).collect();
        self.admin.delete_topics(&ours, &AdminOptions::new()).await.unwrap();
    }
}

/// Runs on real brokers where there are any; also a test that fails leaves nothing there.
pub async fn with(test: impl AsyncFnOnce(&Brokers)) {
    let Some(brokers) = engines::kafka().await else { return };
    let brokers = Brokers::at(brokers);
    let outcome = AssertUnwindSafe(test(&brokers)).catch_unwind().await;
    brokers.clean_up().await;
    outcome.unwrap_or_else(|panic| resume_unwind(panic));
}
