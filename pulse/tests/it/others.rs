//! What others may do to the topics and groups of a house.

use super::server::eventually;
use rdkafka::ClientConfig;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::time::Duration;
use tokio::runtime::Runtime;

const PATIENCE: Duration = Duration::from_secs(20);

/// Somebody with a client of their own.
pub struct Others {
    brokers: String,
    prefix: String,
    admin: AdminClient<DefaultClientContext>,
    runtime: Runtime,
}

impl Others {
    /// Somebody at these brokers who means the topics with that prefix.
    pub fn new(brokers: &str, prefix: String) -> Self {
        let runtime = Runtime::new().unwrap();
        let admin = ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
        Self { brokers: brokers.to_owned(), prefix, admin, runtime }
    }

    fn name(&self, topic: &str) -> String {
        format!("{}{topic}", self.prefix)
    }

    fn count_partitions(&self, topic: &str) -> usize {
        let (name, metadata) = (self.name(topic), self.admin.inner().fetch_metadata(None, PATIENCE).unwrap());
        let found = metadata.topics().iter().find(|found| found.name() == name);
        found.map_or(0, |found| found.partitions().len())
    }

    /// Takes a topic away.
    pub fn delete(&self, topic: &str) {
        let name = self.name(topic);
        let deleted = self.admin.delete_topics(&[&name], &AdminOptions::new());
        self.runtime.block_on(deleted).unwrap().remove(0).unwrap();
        while self.count_partitions(topic) > 0 {}
    }

    /// Makes a topic with the settings that those of pulses have.
    pub fn create(&self, topic: &str, partitions: i32) {
        let name = self.name(topic);
        let new = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
        let new = new.set("message.timestamp.type", "LogAppendTime").set("retention.ms", "-1");
        let created = self.admin.create_topics([&new], &AdminOptions::new());
        self.runtime.block_on(created).unwrap().remove(0).unwrap();
        while self.count_partitions(topic) == 0 {}
    }

    /// Adds partitions up to so many.
    pub fn grow(&self, topic: &str, partitions: usize) {
        let name = self.name(topic);
        let more = [NewPartitions::new(&name, partitions)];
        let grown = self.admin.create_partitions(&more, &AdminOptions::new());
        self.runtime.block_on(grown).unwrap().remove(0).unwrap();
        while self.count_partitions(topic) < partitions {}
    }

    /// Gives a topic these settings and no others.
    pub fn set(&self, topic: &str, settings: &[(&str, &str)]) {
        let name = self.name(topic);
        let change = AlterConfig::new(ResourceSpecifier::Topic(&name));
        let change = settings.iter().fold(change, |change, (name, value)| change.set(name, value));
        let changes = [change];
        let altered = self.admin.alter_configs(&changes, &AdminOptions::new());
        self.runtime.block_on(altered).unwrap().remove(0).unwrap();
    }

    /// Removes every record there is, as retention does.
    pub fn trim(&self, topic: &str, partitions: i32) {
        let name = self.name(topic);
        let mut offsets = TopicPartitionList::new();
        for partition in 0..partitions {
            let (_, high) = self.admin.inner().fetch_watermarks(&name, partition, PATIENCE).unwrap();
            offsets.add_partition_offset(&name, partition, Offset::Offset(high)).unwrap();
        }
        self.runtime.block_on(self.admin.delete_records(&offsets, &AdminOptions::new())).unwrap();
    }

    /// Writes so many records into each partition.
    pub fn write(&self, topic: &str, partitions: i32, records: usize) {
        let producer: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", &self.brokers).create().unwrap();
        let name = self.name(topic);
        for partition in 0..partitions {
            for _ in 0..records {
                let record = BaseRecord::<(), str>::to(&name).partition(partition).payload("not ours");
                producer.send(record).unwrap();
            }
        }
        producer.flush(PATIENCE).unwrap();
    }

    /// Commits an offset for every partition in a group that has no members now.
    pub fn commit(&self, group: &str, topic: &str, partitions: i32, offset: i64) {
        let name = self.name(topic);
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .set("group.id", format!("{}{group}.{topic}", self.prefix))
            .create()
            .unwrap();
        let mut offsets = TopicPartitionList::new();
        for partition in 0..partitions {
            offsets.add_partition_offset(&name, partition, Offset::Offset(offset)).unwrap();
        }
        // A member that went is one until its session ends.
        eventually("a group without members", || consumer.commit(&offsets, CommitMode::Sync).ok());
        let committed = consumer.committed_offsets(offsets.clone(), PATIENCE).unwrap();
        assert_eq!(committed, offsets);
    }
}
