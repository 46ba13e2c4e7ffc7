//! After a flush: every revision and dead letter it wrote goes to the topics that others read.

use crate::core::Publication;
use domain::hash::fixed_hash;
use domain::port::{Log, LogError, NewRecord, TopicPartition};
use proto::published::{dead_letter_record, to_record};
use std::collections::BTreeMap;

/// Revisions of aggregate rows.
pub const REVISIONS_TOPIC: &str = "processor-storage-consumption";
/// Mirrored dead letters.
pub const DEAD_LETTERS_TOPIC: &str = "resource-consumption-dlq";

/// Records in one append.
const RECORDS_MAX: usize = 256;

pub(super) async fn publish(log: &dyn Log, publication: &Publication) -> Result<(), LogError> {
    let revisions = publication.revisions.iter();
    let revisions =
        revisions.map(|revision| (fixed_hash(revision.key.tenant.as_str().as_bytes()), to_record(revision)));
    append(log, REVISIONS_TOPIC, revisions.collect()).await?;
    let letters = publication.dead_letters.iter();
    let letters = letters.map(|letter| (u64::from(letter.id.partition), dead_letter_record(letter)));
    append(log, DEAD_LETTERS_TOPIC, letters.collect()).await
}

/// Appends each record to the partition its hash says, in order.
async fn append(log: &dyn Log, topic: &str, records: Vec<(u64, NewRecord)>) -> Result<(), LogError> {
    if records.is_empty() {
        return Ok(());
    }
    let partitions = log.incarnation(topic).await?.first_offsets.len().max(1) as u64;
    let mut placed: BTreeMap<u64, Vec<NewRecord>> = BTreeMap::new();
    for (hash, record) in records {
        placed.entry(hash % partitions).or_default().push(record);
    }
    for (partition, records) in placed {
        let to = TopicPartition::new(
            topic,
            u32::try_from(partition).expect("a topic has fewer than 2^32 partitions"),
        );
        for chunk in records.chunks(RECORDS_MAX) {
            log.append(&to, chunk.to_vec()).await?;
        }
    }
    Ok(())
}
