//! Commands as records: the message `pulse.log.v1.CatalogCommand`, sealed by its checksum.

use super::{Change, Command};
use crate::fold::{Halt, RULES_KNOWN};
use domain::hash::fingerprint;
use domain::port::{Entry, NewRecord};
use domain::reject::{Reject, RejectReason};
use domain::time::Timestamp;
use prost::Message;
use prost::bytes::BytesMut;
use proto::header::{RecordError, check_format, message_record};
use proto::log as wire;
use proto::log::catalog_command::Change as WireChange;
use proto::record::checksum;

mod from;
mod to;

const MESSAGE: &str = "pulse.log.v1.CatalogCommand";

/// The record of a command.
pub fn encode(command: &Command) -> NewRecord {
    let mut bytes = BytesMut::new();
    let message = wire::CatalogCommand {
        author: command.author.clone(),
        idempotency_key: command.idempotency_key.clone().unwrap_or_default(),
        expected_revision: command.expected_revision,
        arrival_time: command.arrival_time.nanos(),
        rules: RULES_KNOWN,
        change: Some(to::change(&command.change)),
        crc: None,
    };
    message.encode(&mut bytes).expect("a growing buffer has room");
    message_record(MESSAGE, checksum::seal(bytes))
}

/// The command of a record. A record that is no command, or one with a field that breaks its rule, is refused by the
/// fold; one that this process cannot read ends it.
pub fn decode(entry: &Entry) -> Result<Result<Command, Reject>, Halt> {
    let offset = entry.offset;
    let damaged = |detail: &str| Halt::Damaged { offset, detail: detail.to_owned() };
    match check_format(entry) {
        Ok(()) => {}
        Err(RecordError::Foreign) => return Ok(Err(foreign())),
        Err(RecordError::NewerFormat(format)) => return Err(Halt::NewerFormat { offset, format }),
        Err(error) => return Err(damaged(&error.to_string())),
    }
    if !checksum::holds(&entry.value) {
        return Err(damaged("its checksum does not fit"));
    }
    let message =
        wire::CatalogCommand::decode(entry.value.clone()).map_err(|error| damaged(&error.to_string()))?;
    let Some(change) = message.change else {
        return Err(Halt::NewerRules { offset, version: message.rules });
    };
    Ok(from::change(change).map(|change| Command {
        author: message.author,
        idempotency_key: Some(message.idempotency_key).filter(|key| !key.is_empty()),
        expected_revision: message.expected_revision,
        arrival_time: Timestamp::from_nanos(message.arrival_time),
        change,
    }))
}

impl Command {
    /// What a repetition under the same idempotency key must repeat: the change and its condition.
    pub(crate) fn request_fingerprint(&self) -> u128 {
        let request = wire::CatalogCommand {
            expected_revision: self.expected_revision,
            change: Some(to::change(&self.change)),
            ..wire::CatalogCommand::default()
        };
        fingerprint(&request.encode_to_vec())
    }
}

fn foreign() -> Reject {
    let message = "the record is no command: it has no format header".to_owned();
    Reject { reason: RejectReason::Undecodable, field: String::new(), message }
}
