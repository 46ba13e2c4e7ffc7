//! What librdkafka does by itself with the very records that pulse wrote.

use anyhow::{Context, bail};
use backends::kafka::KafkaOptions;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::hint::black_box;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

const PATIENCE: Duration = Duration::from_secs(60);

/// How long it takes to read all of a topic, and look at nothing.
pub fn consume(brokers: &str, topic: &str) -> anyhow::Result<Duration> {
    let started = Instant::now();
    each(brokers, topic, |message| {
        black_box(message.payload());
    })?;
    Ok(started.elapsed())
}

/// How long it takes to write all records of a topic to another one, each to the partition it had, by a client that is
/// set as pulse's. They are read before.
pub fn produce(brokers: &str, from: &str, to: &str) -> anyhow::Result<Duration> {
    let mut records: Vec<OwnedMessage> = Vec::new();
    let partitions = each(brokers, from, |message| records.push(message.detach()))?;
    create(brokers, to, partitions)?;
    let options = KafkaOptions { brokers: brokers.to_owned(), ..KafkaOptions::default() };
    let producer: BaseProducer = options.producer().create()?;
    producer.client().fetch_metadata(Some(to), PATIENCE)?;
    let started = Instant::now();
    for record in &records {
        send(&producer, to, record)?;
    }
    producer.flush(PATIENCE)?;
    Ok(started.elapsed())
}

fn send(producer: &BaseProducer, to: &str, record: &OwnedMessage) -> anyhow::Result<()> {
    let new = || {
        let new = BaseRecord::<(), [u8]>::to(to).partition(record.partition());
        let new = new.payload(record.payload().unwrap_or_default());
        match record.headers() {
            Some(headers) => new.headers(headers.clone()),
            None => new,
        }
    };
    loop {
        match producer.send(new()) {
            Ok(()) => break,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                producer.poll(Duration::from_millis(10));
            }
            Err((error, _)) => return Err(error.into()),
        }
    }
    producer.poll(Duration::ZERO);
    Ok(())
}

fn create(brokers: &str, topic: &str, partitions: i32) -> anyhow::Result<()> {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).create()?;
    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    let new = new.set("message.timestamp.type", "LogAppendTime");
    let created = Runtime::new()?.block_on(admin.create_topics([&new], &AdminOptions::new()))?;
    created
        .into_iter()
        .try_for_each(|one| one.map(drop).map_err(|(name, code)| anyhow::anyhow!("{name}: {code}")))
}

/// Hands over every record of a topic; how many partitions it has.
fn each(brokers: &str, topic: &str, mut take: impl FnMut(&BorrowedMessage<'_>)) -> anyhow::Result<i32> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "bench-raw")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("check.crcs", "true")
        .create()?;
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let found = metadata.topics().first().context("the topic is there")?;
    let partitions = i32::try_from(found.partitions().len())?;
    let mut all = TopicPartitionList::new();
    for partition in 0..partitions {
        all.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&all)?;
    let mut ended = 0;
    while ended < partitions {
        match consumer.poll(PATIENCE) {
            Some(Ok(message)) => take(&message),
            Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
            Some(Err(error)) => return Err(error.into()),
            None => bail!("nothing came of {topic}"),
        }
    }
    Ok(partitions)
}
