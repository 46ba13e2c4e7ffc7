//! Topics with partitions: ordered, append-only, the truth.

use crate::generation::{Generation, Incarnation};
use crate::time::Timestamp;
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic's name, without prefix.
    pub topic: Arc<str>,
    /// From 0.
    pub partition: u32,
}

impl TopicPartition {
    /// That partition of that topic.
    pub fn new(topic: impl Into<Arc<str>>, partition: u32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// A header of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Bytes,
}

/// A record to be appended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRecord {
    /// In their order.
    pub headers: Vec<Header>,
    /// The bytes.
    pub value: Bytes,
}

/// A record that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its logical offset.
    pub offset: u64,
    /// The log's own time of the append; it serves retention, and dates bytes that are no record of ours.
    pub timestamp: Timestamp,
    /// In their order.
    pub headers: Vec<Header>,
    /// The bytes.
    pub value: Bytes,
}

impl Entry {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&Bytes> {
        self.headers.iter().find(|header| header.name == name).map(|header| &header.value)
    }
}

/// What a partition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermarks {
    /// The first offset still there.
    pub low: u64,
    /// The next offset to be given.
    pub high: u64,
}

/// How much one read returns, and how long it waits at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimit {
    /// Stop after this many bytes of values; at least one record is returned where there is one.
    pub bytes: usize,
    /// At the end of the log wait this long for the next record.
    pub wait: Duration,
}

/// Why a call on the log failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// Refused before anything was written: full queue or full disk.
    #[error("the log has no room now: {0}")]
    Overloaded(String),
    /// The records may or may not have been stored.
    #[error("the outcome of the append is unknown: {0}")]
    UnknownOutcome(String),
    /// A record is over the bound.
    #[error("a record of {bytes} bytes is over the bound of {bytes_max}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// No such topic or partition.
    #[error("the log has no partition {0}")]
    UnknownPartition(TopicPartition),
    /// The offset is not there any more, or not yet.
    #[error("offset {asked} is outside {low} to {high}")]
    OutOfRange {
        /// Asked for.
        asked: u64,
        /// The first that is there.
        low: u64,
        /// The next to be given.
        high: u64,
    },
    /// A stored record fails its check.
    #[error("the record at offset {offset} is damaged: {detail}")]
    Damaged {
        /// Which.
        offset: u64,
        /// How.
        detail: String,
    },
    /// The log cannot be reached; nothing was read.
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
}

/// A generation's partitions given to or taken from this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The generation.
    pub generation: Arc<Generation>,
    /// Which of its partitions.
    pub partitions: Vec<u32>,
}

/// A change of what this process owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssignmentChange {
    /// Owned from now on.
    Assigned(Assignment),
    /// Not owned any more; the state must be dropped.
    Revoked(Assignment),
}

/// Topics with partitions. Offsets are logical: first offset of the incarnation + the log's own.
#[async_trait]
pub trait Log: Send + Sync {
    /// Appends in order and returns the offset of each record; those of other callers may lie in between. Durable when
    /// it returns. After [`LogError::UnknownOutcome`] any of the records may have been stored.
    async fn append(&self, to: &TopicPartition, records: Vec<NewRecord>) -> Result<Vec<u64>, LogError>;

    /// Records from `offset` on, without gaps. Empty: the end was reached and nothing came within the wait.
    async fn read(
        &self,
        from: &TopicPartition,
        offset: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Entry>, LogError>;

    /// The bounds of what a partition holds.
    async fn watermarks(&self, of: &TopicPartition) -> Result<Watermarks, LogError>;

    /// Which incarnation of a topic this log is.
    async fn incarnation(&self, topic: &str) -> Result<Incarnation, LogError>;

    /// The log's own time now, by what it told last; `None`: it told nothing lately, or has no other clock than this process.
    fn time(&self) -> Option<Timestamp> {
        None
    }

    /// The partitions of a generation that this process owns, as they come and go. Dropping the stream leaves the group.
    fn assignments(&self, generation: Arc<Generation>) -> BoxStream<'static, AssignmentChange>;
}
