//! The log in a file: one table of records, appended by one thread, read by row ranges.

mod append;
mod partition;
mod read;
mod record;
mod topic;
mod trim;

use super::file::{self, Kind};
use super::readers::Readers;
use super::writer::{WriteError, Writer};
use super::{Held, OpenError, trimming};
use crate::metrics::Meter;
use crate::{bounds, waiting};
use async_trait::async_trait;
use domain::generation::{Generation, Incarnation};
use domain::port::{
    Assignment, AssignmentChange, Clock, Entry, Log, LogError, NewRecord, ReadLimit, TopicPartition,
    Watermarks,
};
use domain::time::Timestamp;
use futures::stream::{self, BoxStream, StreamExt};
use partition::Partition;
use rusqlite::Connection;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use topic::Declare;
pub use topic::{SCHEMA, Topic, find_end, load};

/// The file of the log.
pub const LOG: Kind = Kind { name: "log.db", application_id: 0x504c_4f47 };

/// Why a topic cannot be declared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeclareError {
    /// It is there, with another layout; layouts never change.
    #[error("topic {topic} has incarnation {incarnation} and first offsets {first_offsets:?} already")]
    Differs {
        /// Its name.
        topic: Arc<str>,
        /// Its incarnation.
        incarnation: u32,
        /// Its first offset in each partition.
        first_offsets: Vec<u64>,
    },
    /// It could not be written down.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// The log of an embedded data directory. All partitions belong to this process.
pub struct EmbeddedLog {
    id: Arc<str>,
    topics: RwLock<HashMap<Arc<str>, Topic>>,
    clock: Arc<dyn Clock>,
    readers: Readers,
    pub(super) writer: Writer,
    held: Arc<Held>,
}

impl EmbeddedLog {
    pub(super) fn open(
        connection: Connection,
        clock: Arc<dyn Clock>,
        held: Arc<Held>,
    ) -> Result<Self, OpenError> {
        file::prepare(&connection, &LOG, held.durability)?;
        let id = file::id(&connection, &LOG)?;
        let topics = topic::load(&connection).map_err(|error| file::unusable(&LOG, &error))?;
        let meter = Arc::new(Meter::new(LOG.name, Arc::clone(&clock)));
        let readers = Readers::new(held.directory.join(LOG.name), Arc::clone(&meter));
        let writer = Writer::start(LOG.name, connection, Arc::clone(&held.on_fatal), meter);
        let writer = writer.map_err(|error| OpenError::failed(&held.directory, &error))?;
        Ok(Self { id, topics: RwLock::new(topics), clock, readers, writer, held })
    }

    /// Makes sure the topic is there in its first incarnation, with offsets from 0.
    pub async fn declare(&self, topic: &str, partitions: u32) -> Result<(), DeclareError> {
        let first_offsets = (0..partitions).map(|_| 0).collect();
        self.declare_incarnation(topic, 1, first_offsets).await
    }

    /// Makes sure the topic is there as that incarnation, one partition for each first offset.
    pub async fn declare_incarnation(
        &self,
        topic: &str,
        incarnation: u32,
        first_offsets: Vec<u64>,
    ) -> Result<(), DeclareError> {
        let declare = Declare { name: topic.into(), incarnation, first_offsets: first_offsets.clone() };
        let found = self.find_or_declare(declare).await?;
        if found.incarnation == incarnation && found.first_offsets() == first_offsets {
            return Ok(());
        }
        let (incarnation, first_offsets) = (found.incarnation, found.first_offsets());
        Err(DeclareError::Differs { topic: topic.into(), incarnation, first_offsets })
    }

    /// Of two first declarations the one that comes back first stays: its partitions hold the writer's state.
    async fn find_or_declare(&self, declare: Declare) -> Result<Topic, LogError> {
        if let Some(known) = self.topics().get(&declare.name) {
            return Ok(known.clone());
        }
        let name = Arc::clone(&declare.name);
        let declared = self.writer.submit(declare, 0).await?;
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        Ok(topics.entry(name).or_insert(declared).clone())
    }

    /// Removes records that are below the offset and older than the time; answers the first offset that is left.
    /// While a backup is taken nothing is removed.
    pub async fn trim(
        &self,
        of: &TopicPartition,
        below: u64,
        older_than: Timestamp,
    ) -> Result<u64, LogError> {
        let partition = self.partition(of)?;
        let trimming = trimming::try_take(&self.held.directory);
        let Some(_trimming) = trimming.map_err(|error| LogError::Unavailable(error.to_string()))? else {
            return Ok(partition.marks().low);
        };
        loop {
            let low = partition.marks().low;
            let step = trim::Trim { partition: Arc::clone(&partition), below, older_than };
            let new_low = self.writer.submit(step, 0).await?;
            if new_low == low {
                return Ok(low);
            }
        }
    }

    /// The file's random id.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    pub(super) fn directory(&self) -> &Path {
        &self.held.directory
    }

    /// Bounds the size of the file.
    pub fn set_bytes_max(&self, bytes_max: u64) {
        self.writer.set_bytes_max(bytes_max);
    }

    fn topics(&self) -> RwLockReadGuard<'_, HashMap<Arc<str>, Topic>> {
        self.topics.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn partition(&self, of: &TopicPartition) -> Result<Arc<Partition>, LogError> {
        let topics = self.topics();
        let number = usize::try_from(of.partition).ok();
        let found =
            topics.get(&of.topic).zip(number).and_then(|(topic, number)| topic.partitions.get(number));
        found.cloned().ok_or_else(|| LogError::UnknownPartition(of.clone()))
    }
}

#[async_trait]
impl Log for EmbeddedLog {
    async fn append(&self, to: &TopicPartition, records: Vec<NewRecord>) -> Result<Vec<u64>, LogError> {
        let partition = self.partition(to)?;
        let bytes = bounds::check_records(&records)?;
        let job = append::Append { partition, records, now: self.clock.now() };
        Ok(self.writer.submit(job, bytes).await?)
    }

    async fn read(
        &self,
        from: &TopicPartition,
        offset: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Entry>, LogError> {
        let partition = self.partition(from)?;
        let marks = waiting::for_offset(partition.watch(), offset, limit.wait).await?;
        if offset == marks.high {
            return Ok(Vec::new());
        }
        let (wanted, end) = (Arc::clone(&partition), marks.high.min(offset + bounds::READ_RECORDS_MAX));
        let read = move |connection: &Connection| read::range(connection, &wanted, offset..end, limit.bytes);
        let answer = self.readers.run(read).await.map_err(LogError::Unavailable)?;
        // What was trimmed in the meantime is not damaged.
        waiting::check(partition.marks(), offset)?;
        answer
    }

    async fn watermarks(&self, of: &TopicPartition) -> Result<Watermarks, LogError> {
        Ok(self.partition(of)?.marks())
    }

    async fn incarnation(&self, topic: &str) -> Result<Incarnation, LogError> {
        let topics = self.topics();
        let unknown = || LogError::UnknownPartition(TopicPartition::new(topic, 0));
        let found = topics.get(topic).ok_or_else(unknown)?;
        let log_id = Arc::clone(&self.id);
        Ok(Incarnation { number: found.incarnation, log_id, first_offsets: found.first_offsets() })
    }

    fn assignments(&self, generation: Arc<Generation>) -> BoxStream<'static, AssignmentChange> {
        let partitions = (0..generation.partitions).collect();
        let all = AssignmentChange::Assigned(Assignment { generation, partitions });
        stream::iter([all]).chain(stream::pending()).boxed()
    }
}

impl From<WriteError> for LogError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused(reason) => Self::Overloaded(reason),
            WriteError::Unknown(reason) => Self::UnknownOutcome(reason),
            WriteError::Closed => Self::Unavailable(error.to_string()),
        }
    }
}
