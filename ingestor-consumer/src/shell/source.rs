//! The source: reads one partition of the log ahead into a bounded channel.

use super::failure::Failure;
use crate::alarm::Alarm;
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

/// Why there is nothing more to come.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// The log says so.
    Log(LogError),
    /// The log came back with another record where this one was.
    Replaced(u64),
}

impl From<Unreadable> for Failure {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Log(error) => error.into(),
            Unreadable::Replaced(offset) => Alarm::FingerprintMismatch { offset }.into(),
        }
    }
}

impl Source {
    /// Where its reads arrive, and the task that makes them.
    pub(super) fn open(
        self,
        next: u64,
    ) -> (mpsc::Receiver<Result<Vec<Entry>, Unreadable>>, impl Future<Output = ()>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (receiver, self.read(next, sender))
    }

    /// Ends when it is stopped, when nobody listens, or after an error that reading again does not mend.
    async fn read(self, mut next: u64, sender: mpsc::Sender<Result<Vec<Entry>, Unreadable>>) {
        let mut last: Option<Entry> = None;
        // What must still be there, once the log was away.
        let mut doubted: Option<Entry> = None;
        loop {
            let read = tokio::select! {
                () = self.stop.cancelled() => return,
                read = self.read_on(next, doubted.as_ref()) => read,
            };
            match read {
                Ok(entries) => {
                    doubted = None;
                    let Some(newest) = entries.last() else { continue };
                    next = newest.offset + 1;
                    last = Some(newest.clone());
                    let is_small = bytes(&entries) < self.bytes / 4;
                    if sender.send(Ok(entries)).await.is_err() {
                        return;
                    }
                    if is_small {
                        tokio::time::sleep(GATHER).await;
                    }
                }
                Err(Unreadable::Log(LogError::Unavailable(reason))) => {
                    tracing::warn!(partition = %self.from, reason, "the log cannot be read; trying again");
                    doubted.clone_from(&last);
                    tokio::time::sleep(RETRY).await;
                }
                Err(error) => {
                    drop(sender.send(Err(error)).await);
                    return;
                }
            }
        }
    }

    /// The next records; those of a log that came back only where it still has the `doubted` one before them.
    async fn read_on(&self, next: u64, doubted: Option<&Entry>) -> Result<Vec<Entry>, Unreadable> {
        let limit = ReadLimit { bytes: self.bytes, wait: WAIT };
        let from = doubted.map_or(next, |doubted| doubted.offset);
        let mut entries = self.log.read(&self.from, from, limit).await.map_err(Unreadable::Log)?;
        match doubted {
            None => Ok(entries),
            Some(doubted) if entries.first() == Some(doubted) => Ok(entries.split_off(1)),
            Some(doubted) => Err(Unreadable::Replaced(doubted.offset)),
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

    /// What comes after "a" and "b", when the log was away and holds these records by then.
    async fn after_an_outage(values: &[&'static str]) -> Result<Vec<Entry>, Unreadable> {
        let log = Arc::new(MemoryLog::new(Arc::new(ManualClock::at(Timestamp::EPOCH))));
        log.declare(TOPIC, 1);
        let from = TopicPartition::new(TOPIC, 0);
        log.append_foreign(&from, "a").unwrap();
        log.append_foreign(&from, "b").unwrap();
        let stop = CancellationToken::new();
        let source =
            Source { log: Arc::clone(&log) as _, from: from.clone(), bytes: READ_BYTES, stop: stop.clone() };
        let (mut arrived, reading) = source.open(0);
        let come_back = async {
            assert_eq!(arrived.recv().await.unwrap().unwrap().len(), 2);
            log.go_away();
            log.recreate(TOPIC, 1, vec![0]);
            for value in values {
                log.append_foreign(&from, *value).unwrap();
            }
            let next = arrived.recv().await.unwrap();
            stop.cancel();
            next
        };
        tokio::join!(come_back, reading).0
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_that_was_away_is_read_on_only_where_it_is_the_same() {
        let read = after_an_outage(&["a", "b", "c"]).await.unwrap();
        assert_eq!(
            read.iter().map(|entry| (entry.offset, &entry.value[..])).collect::<Vec<_>>(),
            [(2, &b"c"[..])]
        );
        let other = after_an_outage(&["a", "x", "c"]).await;
        assert!(matches!(other, Err(Unreadable::Replaced(1))), "{other:?}");
        let short = after_an_outage(&["a"]).await;
        assert!(matches!(short, Err(Unreadable::Replaced(1))), "{short:?}");
        let empty = after_an_outage(&[]).await;
        assert!(
            matches!(empty, Err(Unreadable::Log(LogError::OutOfRange { asked: 1, low: 0, high: 0 }))),
            "{empty:?}"
        );
    }
}
