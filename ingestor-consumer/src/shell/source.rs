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
/// How long records gather at the end of the log before they are read: well below a flush, which they wait for anyway.
const GATHER: Duration = Duration::from_millis(100);

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
                    let is_small = bytes(&entries) < self.bytes / 4;
                    if sender.send(Ok(entries)).await.is_err() {
                        return;
                    }
                    if is_small {
                        tokio::time::sleep(GATHER).await;
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

/// What entries take of a read. A small record costs its room in memory too.
fn bytes(entries: &[Entry]) -> usize {
    entries.iter().map(|entry| size_of::<Entry>() + entry.value.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use backends::memory::{ManualClock, MemoryLog};
    use domain::port::NewRecord;
    use domain::time::Timestamp;

    const TOPIC: &str = "pulses";
    const READ_BYTES: usize = 4_096;

    /// How many records each read brought, of some that come a millisecond apart.
    async fn reads(records: usize, record_bytes: usize) -> Vec<usize> {
        let log = Arc::new(MemoryLog::new(Arc::new(ManualClock::at(Timestamp::EPOCH))));
        log.declare(TOPIC, 1);
        let from = TopicPartition::new(TOPIC, 0);
        let source = Source {
            log: Arc::clone(&log) as _,
            from: from.clone(),
            bytes: READ_BYTES,
            stop: CancellationToken::new(),
        };
        let (mut arrived, reading) = source.open(0);
        let append = async {
            for _ in 0..records {
                let record = NewRecord { value: vec![0; record_bytes].into(), ..NewRecord::default() };
                log.append(&from, vec![record]).await.unwrap();
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let receive = async {
            let mut sizes = Vec::new();
            while sizes.iter().sum::<usize>() < records {
                sizes.push(arrived.recv().await.unwrap().unwrap().len());
            }
            sizes
        };
        tokio::select! {
            (sizes, ()) = async { tokio::join!(receive, append) } => sizes,
            () = reading => panic!("nobody stopped it"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn records_that_trickle_in_are_read_together() {
        assert_eq!(reads(20, 1).await, [1, 19]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_of_size_is_followed_by_the_next_at_once() {
        assert_eq!(reads(5, READ_BYTES / 4).await, [1; 5]);
    }
}
