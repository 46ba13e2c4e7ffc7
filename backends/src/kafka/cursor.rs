//! A reader of one partition that goes on from one offset, and fetches ahead.
//!
//! It is never moved: what was fetched for one place must not be taken for another.

use super::control::is_unknown;
use super::incarnations::Base;
use super::record;
use super::topics::Place;
use super::voice::Voice;
use domain::port::Entry;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::sync::Notify;

/// Why a cursor cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// There is nothing where it stands, or the partition is not the one it read from.
    Outside,
    /// The partition is gone.
    Unknown,
    /// The next record fails its check.
    Damaged(String),
    /// Anything else.
    Failed(String),
}

/// A consumer of one partition.
pub struct Cursor {
    /// Only at the end there is none.
    consumer: Option<BaseConsumer<Voice>>,
    news: Arc<Notify>,
    base: Base,
    next: u64,
    /// What was taken from the consumer and did not fit into the last answer.
    held: Option<Entry>,
    stop: Option<Stop>,
    /// Its stop was told.
    is_over: bool,
}

impl Cursor {
    /// Begins at one of the broker's own offsets.
    pub fn start(config: &ClientConfig, from: &Place<'_>, own: i64) -> KafkaResult<Self> {
        let mut consumer = BaseConsumer::from_config_and_context(config, Voice)?;
        let news = Arc::new(Notify::new());
        let wake = Arc::clone(&news);
        consumer.set_nonempty_callback(move || wake.notify_one());
        let mut place = TopicPartitionList::new();
        place.add_partition_offset(&from.name, from.number, Offset::Offset(own))?;
        consumer.assign(&place)?;
        let (base, next) = (from.base, from.base.logical(own));
        Ok(Self { consumer: Some(consumer), news, base, next, held: None, stop: None, is_over: false })
    }

    /// The offset it goes on from.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// What its offsets are counted from.
    pub fn base(&self) -> Base {
        self.base
    }

    /// Whether its reader has not heard yet of what keeps it from going on.
    pub fn is_wanted(&self) -> bool {
        !self.is_over
    }

    /// Comes when there may be more to take than there was.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    /// What was fetched by now, up to so many bytes and records, but one record where there is one. An error comes
    /// after everything before it was taken.
    pub fn take(&mut self, bytes_max: usize, records_max: u64) -> Result<Vec<Entry>, Stop> {
        let mut taken: Vec<Entry> = Vec::new();
        let mut bytes = 0;
        while (taken.len() as u64) < records_max {
            let Some(entry) = self.held.take().or_else(|| self.poll()) else { break };
            bytes += entry.value.len();
            if bytes > bytes_max && !taken.is_empty() {
                self.held = Some(entry);
                break;
            }
            self.next = entry.offset + 1;
            taken.push(entry);
        }
        match &self.stop {
            Some(stop) if taken.is_empty() => {
                self.is_over = true;
                Err(stop.clone())
            }
            _ => Ok(taken),
        }
    }

    /// The next record that was fetched. One from below means that offsets began anew: it is another partition's.
    fn poll(&mut self) -> Option<Entry> {
        while self.stop.is_none() {
            match self.consumer.as_ref()?.poll(Duration::ZERO)? {
                Ok(message) => {
                    let entry = record::to_entry(&message, self.base);
                    if entry.offset >= self.next {
                        return Some(entry);
                    }
                    self.stop = Some(Stop::Outside);
                }
                Err(error) => self.stop = stop(&error),
            }
        }
        None
    }
}

/// The end of a consumer waits for its threads.
impl Drop for Cursor {
    fn drop(&mut self) {
        let consumer = self.consumer.take();
        thread::spawn(move || drop(consumer));
    }
}

/// Where the error does not end by itself. The client reconnects, and finds the leader again, for ever.
fn stop(error: &KafkaError) -> Option<Stop> {
    use RDKafkaErrorCode::{
        AutoOffsetReset, BadCompression, BadMessage, InvalidMessage, LogTruncation, OffsetOutOfRange,
    };
    match error.rdkafka_error_code()? {
        _ if is_unknown(error) => Some(Stop::Unknown),
        AutoOffsetReset | LogTruncation | OffsetOutOfRange => Some(Stop::Outside),
        BadCompression | BadMessage | InvalidMessage => Some(Stop::Damaged(error.to_string())),
        _ if is_transient(error) => None,
        _ => Some(Stop::Failed(error.to_string())),
    }
}

fn is_transient(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{
        AllBrokersDown, BrokerTransportFailure, NotLeaderForPartition, OperationTimedOut, RequestTimedOut,
        Resolve,
    };
    let code = error.rdkafka_error_code();
    let passing = matches!(
        code,
        Some(
            AllBrokersDown
                | BrokerTransportFailure
                | NotLeaderForPartition
                | OperationTimedOut
                | RequestTimedOut
                | Resolve
        )
    );
    passing && !matches!(error, KafkaError::MessageConsumptionFatal(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_ends_by_itself_is_waited_out() {
        use RDKafkaErrorCode as Code;
        let of = |code| stop(&KafkaError::MessageConsumption(code));
        for code in [Code::AllBrokersDown, Code::BrokerTransportFailure, Code::NotLeaderForPartition] {
            assert_eq!(of(code), None, "{code:?}");
        }
        for code in [Code::AutoOffsetReset, Code::LogTruncation, Code::OffsetOutOfRange] {
            assert_eq!(of(code), Some(Stop::Outside), "{code:?}");
        }
        for code in [Code::UnknownTopicOrPartition, Code::UnknownPartition, Code::UnknownTopic] {
            assert_eq!(of(code), Some(Stop::Unknown), "{code:?}");
        }
        for code in [Code::BadCompression, Code::BadMessage, Code::InvalidMessage] {
            assert!(matches!(of(code), Some(Stop::Damaged(_))), "{code:?}");
        }
        assert!(matches!(of(Code::TopicAuthorizationFailed), Some(Stop::Failed(_))));
        let fatal = KafkaError::MessageConsumptionFatal(Code::BrokerTransportFailure);
        assert!(matches!(stop(&fatal), Some(Stop::Failed(_))));
    }
}
