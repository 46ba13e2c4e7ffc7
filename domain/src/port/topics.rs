//! Making topics: what operators ask for when the log gets a new generation.

use async_trait::async_trait;

/// Why a topic is not as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the topic cannot be declared: {0}")]
pub struct TopicError(pub String);

/// Makes topics.
#[async_trait]
pub trait Topics: Send + Sync {
    /// Makes the topic where it is absent. One that is there must have that many partitions.
    async fn declare(&self, topic: &str, partitions: u32) -> Result<(), TopicError>;
}
