//! Commands as records: the message `pulse.log.v1.CatalogCommand`, sealed by its checksum.

use super::{Change, Command};
use crate::fold::{Halt, RULES_KNOWN};
use domain::hash::fingerprint;
use domain::port::{Entry, NewRecord};
use domain::reject::{Reject, RejectReason};
use domain::time::Timestamp;
use prost::Message;
use prost::bytes::BytesMut;
use proto::checksum;
use proto::header::{RecordError, check_format, message_record};
use proto::log as wire;
use proto::log::catalog_command::Change as WireChange;

pub(crate) mod from;
#[cfg(test)]
mod properties;
pub(crate) mod to;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::*;
    use crate::resource::ResourceName;
    use domain::calendar::{Calendar, Period};
    use domain::generation::Split;
    use domain::id::{ContractId, SkuId, TenantId, UnitId};
    use domain::topic::REVISIONS;

    fn entry(record: NewRecord) -> Entry {
        Entry { offset: 0, timestamp: Timestamp::EPOCH, headers: record.headers, value: record.value }
    }

    fn every_change() -> Vec<Change> {
        let (_, incarnation) = first_generation();
        let mut pinned = contract("c", "acme", "2026-01-01T00:00:00Z", Some("2027-01-01T00:00:00Z"));
        pinned.1.plan_version = Some(3);
        pinned.1.calendar = Calendar::parse("Asia/Kathmandu").unwrap();
        let period = Period::parse("2026-02").unwrap();
        let mut changes = beginning();
        changes.extend([
            Change::AddIncarnation(REVISIONS.into(), incarnation.clone()),
            Change::DeclareLoss(
                REVISIONS.into(),
                incarnation,
                crate::resource::Text::parse("ada", "operator").unwrap(),
            ),
            Change::AddSplit(Split { tenant: "acme".into(), shards: 3, valid_from: at(NOW) }),
            unit("page", "data.time", "4096/7"),
            put(contract("c", "acme", "2026-01-01T00:00:00Z", None)),
            put(pinned),
            Change::Delete(ResourceName::Tenant(TenantId::parse("ü").unwrap())),
            Change::Delete(ResourceName::Sku(SkuId::parse("s").unwrap())),
            Change::Delete(ResourceName::Unit(UnitId::parse("u").unwrap())),
            Change::Delete(ResourceName::Contract(ContractId::parse("c").unwrap())),
            Change::ClosePeriod(Calendar::utc(), period),
            Change::ReopenPeriod(Calendar::utc(), period),
        ]);
        changes
    }

    #[test]
    fn every_command_reads_back_from_its_record() {
        for change in every_change() {
            let command = Command {
                idempotency_key: Some("k".to_owned()),
                expected_revision: Some(0),
                ..command(change)
            };
            assert_eq!(decode(&entry(encode(&command))), Ok(Ok(command)));
        }
    }

    /// Put together by hand from the .proto: field 1 "test", 4 the time, 5 rules 1, 14 {1 "a", 2 "a"}, 30 the CRC-32.
    #[test]
    fn golden_bytes() {
        let time = at(NOW).nanos().to_le_bytes();
        let body = [&b"\x0a\x04test\x21"[..], &time, b"\x28\x01\x72\x06\x0a\x01a\x12\x01a"].concat();
        let value = encode(&command(tenant("a"))).value;
        assert_eq!(value[..body.len()], body);
        assert_eq!(value[body.len()..body.len() + 2], [0xf5, 0x01]);
        assert_eq!(value.len(), body.len() + 6);
    }

    #[test]
    fn a_field_that_breaks_its_rule_is_refused_by_name() {
        let message = wire::CatalogCommand {
            change: Some(WireChange::PutSku(wire::CatalogSku {
                id: "s".into(),
                unit: "no unit".into(),
                ..Default::default()
            })),
            ..Default::default()
        };
        let mut bytes = BytesMut::new();
        message.encode(&mut bytes).unwrap();
        let record = message_record(MESSAGE, checksum::seal(bytes));
        assert_eq!(decode(&entry(record)).unwrap().unwrap_err().field, "unit");
    }

    #[test]
    fn a_change_of_a_newer_kind_stops_the_fold() {
        let record = message_record(MESSAGE, checksum::seal(BytesMut::new()));
        assert!(matches!(decode(&entry(record)), Err(Halt::NewerRules { offset: 0, .. })));
    }
}
