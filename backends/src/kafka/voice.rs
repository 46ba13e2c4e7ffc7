//! What the client library says, passed on to our own log.

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use tracing::{debug, warn};

/// The context of every client that needs no other. Nothing is lost by what it says, so nothing is an error.
#[derive(Clone, Debug, Default)]
pub struct Voice;

impl ClientContext for Voice {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
                debug!(facility, message, "the kafka client reports");
            }
            _ => warn!(facility, message, "the kafka client complains"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        warn!(%error, reason, "the kafka client has trouble");
    }
}

impl ConsumerContext for Voice {}
