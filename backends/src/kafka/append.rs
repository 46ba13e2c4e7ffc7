//! Storing records: an idempotent producer, and what its answers mean.

use super::control::unavailable;
use super::ends::Ends;
use super::options::BATCH_BYTES_MAX;
use super::voice::Voice;
use super::{KafkaOptions, OpenError, record};
use domain::port::{Clock, LogError, NewRecord};
use domain::time::Timestamp;
use futures::future::join_all;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::Timestamp as KafkaTimestamp;
use rdkafka::producer::{FutureProducer, Producer as _};
use rdkafka::types::RDKafkaErrorCode;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::{mem, thread};
use tracing::error;

type Client = FutureProducer<Voice>;

/// How long what the brokers' clock showed is gone by.
const HEARD_MAX_SECONDS: i64 = 300;

/// The producer of this process.
pub struct Producer {
    config: ClientConfig,
    client: RwLock<Client>,
    clock: Arc<dyn Clock>,
    ends: Ends,
    heard: Mutex<Option<Heard>>,
}

/// What the brokers' clock showed, and our own.
#[derive(Clone, Copy, Debug)]
struct Heard {
    theirs: Timestamp,
    ours: Timestamp,
}

impl Heard {
    /// What theirs shows when ours shows that. Nobody knows where ours went back or far on: it may have been set.
    fn theirs_at(self, now: Timestamp) -> Option<Timestamp> {
        let is_known = self.ours <= now && now <= self.ours.plus_seconds(HEARD_MAX_SECONDS);
        is_known.then(|| Timestamp::from_nanos(self.theirs.nanos() + (now.nanos() - self.ours.nanos())))
    }
}

impl Producer {
    /// Connects when the first record comes.
    pub fn new(options: &KafkaOptions, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let config = options.producer();
        let client = connect(&config).map_err(|error| OpenError::Client(error.to_string()))?;
        Ok(Self {
            config,
            client: RwLock::new(client),
            clock,
            ends: Ends::default(),
            heard: Mutex::default(),
        })
    }

    /// The brokers' time, by the last record that they dated.
    pub fn time(&self) -> Option<Timestamp> {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.and_then(|heard| heard.theirs_at(self.clock.now()))
    }

    fn hear(&self, time: KafkaTimestamp) {
        let KafkaTimestamp::LogAppendTime(millis) = time else { return };
        let theirs = Timestamp::from_nanos(millis.saturating_mul(1_000_000));
        let heard = Heard { theirs, ours: self.clock.now() };
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).replace(heard);
    }

    /// Refuses a partition that was made anew while this process wrote to it.
    pub fn check(&self, topic: &str, partition: i32) -> Result<(), LogError> {
        self.ends.before(topic, partition).map(drop)
    }

    /// Stores records in their order; answers the broker's offset of each. Below what this process stored before, it is
    /// another log, and nothing is acknowledged there.
    pub async fn append(
        &self,
        topic: &str,
        partition: i32,
        records: &[NewRecord],
    ) -> Result<Vec<i64>, LogError> {
        let before = self.ends.before(topic, partition)?;
        let client = self.client.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut deliveries = Vec::with_capacity(records.len());
        let mut refused = None;
        for record in records {
            match client.send_result(record::to_kafka(topic, partition, record)) {
                Ok(delivery) => deliveries.push(delivery),
                Err((error, _)) => {
                    refused = Some(refusal(&error, record));
                    break;
                }
            }
        }
        let taken = deliveries.len();
        let outcomes = join_all(deliveries).await.into_iter().map(|outcome| match outcome {
            Ok(Ok(delivery)) => {
                self.hear(delivery.timestamp);
                stored(delivery.offset)
            }
            Ok(Err((error, _))) => Err(LogError::UnknownOutcome(error.to_string())),
            Err(canceled) => Err(LogError::UnknownOutcome(canceled.to_string())),
        });
        let outcome = outcomes.collect::<Result<Vec<i64>, LogError>>();
        if outcome.is_err() || refused.is_some() {
            self.replace_if_fatal();
        }
        if let Ok(offsets) = &outcome {
            self.ends.stored((topic, partition), before, offsets)?;
        }
        match refused {
            None => outcome,
            Some(refusal) if taken == 0 => Err(refusal),
            // Those before it are on their way, or there.
            Some(refusal) => Err(LogError::UnknownOutcome(format!("after {taken} records: {refusal}"))),
        }
    }

    /// After a fatal error a producer stores nothing any more. Another one may: what it repeats is found by its ids.
    fn replace_if_fatal(&self) {
        let mut client = self.client.write().unwrap_or_else(PoisonError::into_inner);
        let Some((code, reason)) = client.client().fatal_error() else { return };
        error!(%code, reason, "the kafka producer has failed for good and is replaced");
        match connect(&self.config) {
            Ok(new) => {
                let old = mem::replace(&mut *client, new);
                // Its end waits for its thread.
                thread::spawn(move || drop(old));
            }
            Err(error) => error!(%error, "no other kafka producer can be made"),
        }
    }
}

fn connect(config: &ClientConfig) -> KafkaResult<Client> {
    FutureProducer::from_config_and_context(config, Voice)
}

/// A record that was stored twice over the wire may be acknowledged without its offset.
fn stored(offset: i64) -> Result<i64, LogError> {
    let unknown = || LogError::UnknownOutcome("the broker did not say where the record is".to_owned());
    (offset >= 0).then_some(offset).ok_or_else(unknown)
}

/// What was refused before it was on its way.
fn refusal(error: &KafkaError, record: &NewRecord) -> LogError {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::QueueFull) => {
            LogError::Overloaded("the queue to the brokers is full".to_owned())
        }
        Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
            LogError::TooLarge { bytes: record.value.len(), bytes_max: BATCH_BYTES_MAX }
        }
        _ => unavailable(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_at_once_was_not_stored() {
        let record = NewRecord { value: vec![0; 7].into(), ..NewRecord::default() };
        let refusal = |code| refusal(&KafkaError::MessageProduction(code), &record);
        let full = LogError::Overloaded("the queue to the brokers is full".to_owned());
        assert_eq!(refusal(RDKafkaErrorCode::QueueFull), full);
        let large = LogError::TooLarge { bytes: 7, bytes_max: 1_000_000 };
        assert_eq!(refusal(RDKafkaErrorCode::MessageSizeTooLarge), large);
        assert!(matches!(refusal(RDKafkaErrorCode::Fatal), LogError::Unavailable(_)));
    }

    #[test]
    fn the_brokers_clock_goes_on_until_nobody_knows() {
        let heard = Heard { theirs: Timestamp::from_seconds(1_000), ours: Timestamp::from_seconds(1_600) };
        let at = |ours| heard.theirs_at(Timestamp::from_seconds(ours)).map(Timestamp::seconds);
        assert_eq!((at(1_600), at(1_900)), (Some(1_000), Some(1_300)));
        assert_eq!((at(1_599), at(1_901)), (None, None), "it may have been set");
    }

    #[test]
    fn an_acknowledgement_without_an_offset_is_none() {
        assert_eq!(stored(0), Ok(0));
        assert_eq!(stored(41), Ok(41));
        for offset in [-1, -1001] {
            assert!(matches!(stored(offset), Err(LogError::UnknownOutcome(_))), "{offset}");
        }
    }
}
