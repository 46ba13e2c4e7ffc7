//! After a flush: every revision and dead letter it wrote goes to the topics that others read.

use crate::core::Publication;
use domain::port::{Log, LogError, NewRecord, TopicPartition};
use domain::topic::{DEAD_LETTERS, REVISIONS, partition_of_tenant};
use proto::published::{dead_letter_record, to_record};
use std::collections::BTreeMap;

/// Records in one append.
const RECORDS_MAX: usize = 256;

pub(super) async fn publish(log: &dyn Log, publication: &Publication) -> Result<(), LogError> {
    let revisions = publication.revisions.iter();
    append(log, REVISIONS, revisions, |revision, partitions| {
        (partition_of_tenant(&revision.key.tenant, partitions), to_record(revision))
    })
    .await?;
    let letters = publication.dead_letters.iter();
    append(log, DEAD_LETTERS, letters, |letter, partitions| {
        (letter.id.partition % partitions, dead_letter_record(letter))
    })
    .await
}

/// Appends what each item becomes to the partition it belongs to, in order.
async fn append<T>(
    log: &dyn Log,
    topic: &str,
    items: impl ExactSizeIterator<Item = T>,
    place: impl Fn(T, u32) -> (u32, NewRecord),
) -> Result<(), LogError> {
    if items.len() == 0 {
        return Ok(());
    }
    let partitions = log.incarnation(topic).await?.partitions().max(1);
    let mut placed: BTreeMap<u32, Vec<NewRecord>> = BTreeMap::new();
    for item in items {
        let (partition, record) = place(item, partitions);
        placed.entry(partition).or_default().push(record);
    }
    for (partition, records) in placed {
        let to = TopicPartition::new(topic, partition);
        for chunk in records.chunks(RECORDS_MAX) {
            log.append(&to, chunk.to_vec()).await?;
        }
    }
    Ok(())
}
