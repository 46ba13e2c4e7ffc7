//! What everything stands on: the disk and the writer of the log.

use async_trait::async_trait;
use backends::embedded::EmbeddedLog;
use domain::port::LogError;

/// Whether there is room, and whether it can be used.
#[async_trait]
pub trait Ground: Send + Sync {
    /// Writes where the log is, and leaves nothing behind.
    async fn write(&self) -> Result<(), LogError>;

    /// Bytes that are free; `None` where the system does not tell.
    fn free_bytes(&self) -> Option<u64>;
}

#[async_trait]
impl Ground for EmbeddedLog {
    async fn write(&self) -> Result<(), LogError> {
        self.probe().await
    }

    fn free_bytes(&self) -> Option<u64> {
        Self::free_bytes(self).ok()
    }
}
