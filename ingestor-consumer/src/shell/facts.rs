//! What an assignment is verified against, read afresh each time.

use super::Ports;
use super::failure::Failure;
use crate::alarm::Alarm;
use crate::core::Facts;
use domain::checkpoint::Checkpoint;
use domain::generation::Generation;
use domain::port::{Entry, LogError, Query, ReadLimit, TopicPartition, read_all};
use proto::blob::Blob;
use std::time::Duration;

impl Ports {
    /// Reads the checkpoint, the log's bounds and identity, and the record before the checkpoint.
    pub(super) async fn facts(&self, generation: &Generation, partition: u32) -> Result<Facts, Failure> {
        let now = self.clock.now();
        let at = TopicPartition::new(generation.topic.clone(), partition);
        if partition >= generation.partitions {
            return Err(Alarm::PartitionAdded { partition: at, partitions: generation.partitions }.into());
        }
        let checkpoint = self.checkpoint(generation.number, partition).await?;
        let watermarks = self.log.watermarks(&at).await?;
        let next = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.next);
        let is_there = next > watermarks.low && next <= watermarks.high;
        let previous = if is_there { self.record(&at, next - 1).await? } else { None };
        let registry = self.registry.registry();
        Ok(Facts {
            now,
            checkpoint,
            watermarks,
            incarnation: self.log.incarnation(&generation.topic).await?,
            known: registry.incarnations(generation.number).to_vec(),
            losses: registry.losses_of(&generation.topic).map(|(incarnation, _)| incarnation).collect(),
            previous,
        })
    }

    async fn checkpoint(&self, generation: u32, partition: u32) -> Result<Option<Checkpoint>, Failure> {
        let key = Checkpoint::cell_key(generation, partition);
        let cells = read_all(&*self.store, Query::one(&key)).await?;
        let damaged = |error| Alarm::DamagedCell {
            what: format!("the checkpoint of {generation}/{partition}: {error}"),
        };
        let decoded =
            cells.first().map(|cell| Checkpoint::from_blob(&cell.value).map_err(damaged)).transpose()?;
        Ok(decoded)
    }

    async fn record(&self, at: &TopicPartition, offset: u64) -> Result<Option<Entry>, LogError> {
        let entries = self.log.read(at, offset, ReadLimit { bytes: 1, wait: Duration::ZERO }).await?;
        Ok(entries.into_iter().next())
    }
}
