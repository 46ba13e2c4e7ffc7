//! What the log stands on: a disk of this machine and the writer of its file, or brokers.

use async_trait::async_trait;
use backends::embedded::EmbeddedLog;
use backends::kafka::KafkaLog;
use domain::port::LogError;
use futures::future::try_join_all;
use std::sync::Arc;

/// What must take records.
#[derive(Clone)]
pub enum Ground {
    /// A disk of ours.
    Disk(Arc<dyn Disk>),
    /// Brokers, who look after their disks themselves.
    Brokers(Arc<dyn Brokers>),
}

/// Whether there is room, and whether it can be used.
#[async_trait]
pub trait Disk: Send + Sync {
    /// Writes where the log is, and leaves nothing behind.
    async fn write(&self) -> Result<(), LogError>;

    /// Bytes that are free; `None` where the system does not tell.
    fn free_bytes(&self) -> Option<u64>;
}

/// Whether records would be acknowledged.
#[async_trait]
pub trait Brokers: Send + Sync {
    /// Whether every partition of a topic has its leader and as many replicas in sync as an acknowledgement needs.
    async fn check_writable(&self, topic: &str) -> Result<(), LogError>;
}

impl Ground {
    /// The disk, where it is ours.
    pub fn disk(&self) -> Option<&dyn Disk> {
        match self {
            Self::Disk(disk) => Some(&**disk),
            Self::Brokers(_) => None,
        }
    }

    /// Whether it takes records of these topics.
    pub async fn check_writable(&self, topics: impl IntoIterator<Item = Arc<str>>) -> Result<(), LogError> {
        let brokers = match self {
            Self::Disk(disk) => return disk.write().await,
            Self::Brokers(brokers) => brokers,
        };
        let checks = topics.into_iter().map(async |topic| brokers.check_writable(&topic).await);
        try_join_all(checks).await.map(drop)
    }
}

#[async_trait]
impl Disk for EmbeddedLog {
    async fn write(&self) -> Result<(), LogError> {
        self.probe().await
    }

    fn free_bytes(&self) -> Option<u64> {
        Self::free_bytes(self).ok()
    }
}

#[async_trait]
impl Brokers for KafkaLog {
    async fn check_writable(&self, topic: &str) -> Result<(), LogError> {
        Self::check_writable(self, topic).await
    }
}
