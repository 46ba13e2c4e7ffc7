//! The source: reads one partition of the log ahead into a bounded channel.

use domain::port::{Entry, Log, LogError, ReadLimit, TopicPartition};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Reads waiting in the channel.
const QUEUE: usize = 2;
const WAIT: Duration = Duration::from_secs(1);
const RETRY: Duration = Duration::from_millis(200);

/// What is read from where, until when.
pub(super) struct Source {
    pub(super) log: Arc<dyn Log>,
    pub(super) from: TopicPartition,
    pub(super) bytes: usize,
    pub(super) stop: CancellationToken,
}

impl Source {
    /// Where its reads arrive, and the task that makes them.
    pub(super) fn open(
        self,
        next: u64,
    ) -> (mpsc::Receiver<Result<Vec<Entry>, LogError>>, impl Future<Output = ()>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (receiver, self.read(next, sender))
    }

    /// Ends when it is stopped, when nobody listens, or after an error that reading again does not mend.
    async fn read(self, mut next: u64, sender: mpsc::Sender<Result<Vec<Entry>, LogError>>) {
        let limit = ReadLimit { bytes: self.bytes, wait: WAIT };
        loop {
            let read = tokio::select! {
                () = self.stop.cancelled() => return,
                read = self.log.read(&self.from, next, limit) => read,
            };
            match read {
                Ok(entries) if entries.is_empty() => {}
                Ok(entries) => {
                    next = entries.last().map_or(next, |entry| entry.offset + 1);
                    if sender.send(Ok(entries)).await.is_err() {
                        return;
                    }
                }
                Err(LogError::Unavailable(reason)) => {
                    tracing::warn!(partition = %self.from, reason, "the log cannot be read; trying again");
                    tokio::time::sleep(RETRY).await;
                }
                Err(error) => {
                    drop(sender.send(Err(error)).await);
                    return;
                }
            }
        }
    }
}
