//! The log on Kafka: one topic per log, offsets made logical, positions never left to the broker.
//!
//! The one path: `append` hands records to an idempotent producer and waits for each delivery; `read` takes what a
//! cursor, a consumer of one partition, has fetched ahead; `assignments` tells what the consumer group gives to this
//! process, and fetches nothing.
//!
//! Never here: a committed offset, an automatic reset, a topic that comes to be by being named.

mod append;
mod control;
mod cursor;
mod ends;
mod incarnations;
mod log;
mod member;
mod open_error;
mod options;
mod read;
mod record;
mod settings;
mod topics;
mod voice;

pub use log::KafkaLog;
pub use open_error::{Finding, OpenError};
pub use options::{Compression, KafkaOptions, Sasl, Security};
pub use record::catches_panics;
