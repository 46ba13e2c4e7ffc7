//! Which pulse a dead letter is replayed as.

use domain::dead_letter::{DeadLetter, DeadLetterId, DecidedIdentity, PayloadKind};
use domain::pulse::{RawPulse, Rejects};
use domain::reject::{Reject, RejectReason};
use domain::time::Timestamp;
use prost::Message;
use uuid::Uuid;

/// The fields that make identity.
const IDENTITY: [&str; 4] = ["tenant", "source", "id", "event_time"];

/// A dead letter as it is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repaired {
    /// The pulse.
    pub raw: RawPulse,
    /// Its identity, where that could have been chosen and is not yet fixed: it must be, before the pulse is sent.
    pub decision: Option<DecidedIdentity>,
}

/// Applies the fields of `set` that are not empty. Identity changes only where it was at fault, and only once.
pub(super) fn repair(
    letter: &DeadLetter,
    decided: Option<&DecidedIdentity>,
    set: &RawPulse,
) -> Result<Repaired, Reject> {
    let (mut raw, faults) = match payload(letter) {
        Ok(raw) => (raw.clone(), identity_faults(letter, &raw)),
        Err(reject) if *set == RawPulse::default() => return Err(reject),
        // Nothing can be read of it, so all that is set is new.
        Err(_) => (RawPulse::default(), IDENTITY.to_vec()),
    };
    let changes = identity_fields(set);
    if let Some(field) = changes.iter().find(|field| !faults.contains(*field)) {
        return Err(keep(field, "was not the reason, so a replay must not change it"));
    }
    if letter.reason == RejectReason::DuplicateConflict {
        raw.id.clear();
    }
    overlay(&mut raw, set);
    if raw.id.is_empty() {
        raw.id = own_id(letter.id);
    }
    raw.stamp(None);
    let identity = identity(&raw);
    match decided {
        Some(decided) if !changes.is_empty() && identity.as_ref() != Some(decided) => {
            Err(keep(changes[0], "was decided by an earlier replay and stays"))
        }
        Some(decided) => {
            fix(&mut raw, decided);
            Ok(Repaired { raw, decision: None })
        }
        None => Ok(Repaired { raw, decision: identity.filter(|_| !faults.is_empty()) }),
    }
}

/// Gives a pulse the identity that was decided.
pub(super) fn fix(raw: &mut RawPulse, decided: &DecidedIdentity) {
    let DecidedIdentity { tenant, source, id, event_time } = decided.clone();
    (raw.tenant, raw.source, raw.id) = (tenant, source, id);
    raw.event_time = Some(event_time.into());
}

/// The pulse that was refused.
pub(super) fn payload(letter: &DeadLetter) -> Result<RawPulse, Reject> {
    let pulse = match letter.kind {
        PayloadKind::Pulse => proto::v1::Pulse::decode(letter.payload.clone()).ok(),
        PayloadKind::Foreign => None,
    };
    let undecodable = || {
        Reject::new(
            RejectReason::Undecodable,
            "payload",
            "is no pulse: set the fields of the one it should have been",
        )
    };
    pulse.map(proto::pulse::from_wire).ok_or_else(undecodable)
}

/// The id of a pulse that has none of its own: a name-based UUID of where it is kept, the same in every replay.
fn own_id(letter: DeadLetterId) -> String {
    let name = format!("{}-{}-{}", letter.generation, letter.partition, letter.position.raw());
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string()
}

/// The fields of identity that are present.
fn identity_fields(raw: &RawPulse) -> Vec<&'static str> {
    let present = [
        ("tenant", !raw.tenant.is_empty()),
        ("source", !raw.source.is_empty()),
        ("id", !raw.id.is_empty()),
        ("event_time", raw.event_time.is_some()),
    ];
    present.into_iter().filter_map(|(field, is_present)| is_present.then_some(field)).collect()
}

/// The fields of identity that were the reason, or break a rule beside it.
fn identity_faults(letter: &DeadLetter, raw: &RawPulse) -> Vec<&'static str> {
    let broken = raw.parse().err();
    let is_broken = |field: &str| broken.iter().flat_map(Rejects::all).any(|reject| reject.field == field);
    let is_fault = |field: &&str| letter.field == **field || is_broken(field);
    IDENTITY.into_iter().filter(is_fault).collect()
}

fn identity(raw: &RawPulse) -> Option<DecidedIdentity> {
    let time = raw.event_time?;
    Some(DecidedIdentity {
        tenant: raw.tenant.clone(),
        source: raw.source.clone(),
        id: raw.id.clone(),
        event_time: Timestamp::from_unix(time.seconds, time.nanos)?,
    })
}

fn overlay(raw: &mut RawPulse, set: &RawPulse) {
    let set = set.clone();
    let texts = [
        (&mut raw.id, set.id),
        (&mut raw.source, set.source),
        (&mut raw.tenant, set.tenant),
        (&mut raw.sku, set.sku),
        (&mut raw.quantity, set.quantity),
        (&mut raw.unit, set.unit),
        (&mut raw.resource_id, set.resource_id),
        (&mut raw.corrects_id, set.corrects_id),
    ];
    for (field, value) in texts.into_iter().filter(|(_, value)| !value.is_empty()) {
        *field = value;
    }
    raw.event_time = set.event_time.or(raw.event_time);
    raw.interval_end_time = set.interval_end_time.or(raw.interval_end_time);
    if !set.dimensions.is_empty() {
        raw.dimensions = set.dimensions;
    }
}

fn keep(field: &str, rule: &str) -> Reject {
    Reject::new(RejectReason::InvalidField, field, rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use domain::position::Position;
    use domain::pulse::RawTime;

    fn raw() -> RawPulse {
        RawPulse {
            id: "a-1".into(),
            tenant: "acme".into(),
            sku: "old".into(),
            quantity: "1".into(),
            unit: "token".into(),
            event_time: Some(RawTime { seconds: 1_700_000_000, nanos: 0 }),
            ..RawPulse::default()
        }
    }

    fn letter(raw: &RawPulse, reason: RejectReason, field: &str) -> DeadLetter {
        DeadLetter {
            id: DeadLetterId { day: 20_484, generation: 1, partition: 3, position: Position::new(50, 0) },
            reason,
            field: field.into(),
            message: String::new(),
            received_time: Timestamp::EPOCH,
            kind: PayloadKind::Pulse,
            payload: proto::pulse::to_wire(raw).encode_to_vec().into(),
        }
    }

    #[test]
    fn content_may_be_set_and_needs_no_decision() {
        let set = RawPulse { sku: "new".into(), quantity: "2".into(), ..RawPulse::default() };
        let repaired = repair(&letter(&raw(), RejectReason::UnknownSku, "sku"), None, &set).unwrap();
        let wanted = RawPulse { sku: "new".into(), quantity: "2".into(), ..raw() };
        assert_eq!(repaired, Repaired { raw: wanted, decision: None });
    }

    #[test]
    fn identity_may_be_set_only_where_it_was_at_fault() {
        let set = RawPulse { tenant: "globex".into(), ..RawPulse::default() };
        let reject = repair(&letter(&raw(), RejectReason::UnknownSku, "sku"), None, &set).unwrap_err();
        assert_eq!((reject.reason, reject.field.as_str()), (RejectReason::InvalidField, "tenant"));
        let repaired = repair(&letter(&raw(), RejectReason::UnknownTenant, "tenant"), None, &set).unwrap();
        assert_eq!(repaired.decision.unwrap().tenant, "globex");
    }

    #[test]
    fn a_field_that_breaks_its_rule_beside_the_reason_may_be_set_too() {
        let broken = RawPulse { tenant: String::new(), quantity: "x".into(), ..raw() };
        let set = RawPulse { tenant: "globex".into(), quantity: "1".into(), ..RawPulse::default() };
        let repaired =
            repair(&letter(&broken, RejectReason::InvalidQuantity, "quantity"), None, &set).unwrap();
        assert_eq!(repaired.raw.tenant, "globex");
    }

    #[test]
    fn what_was_decided_is_sent_and_a_repeat_of_it_is_allowed() {
        let set = |tenant: &str| RawPulse { tenant: tenant.into(), ..RawPulse::default() };
        let letter = letter(&raw(), RejectReason::UnknownTenant, "tenant");
        let decided = repair(&letter, None, &set("globex")).unwrap().decision.unwrap();
        for again in [set("globex"), RawPulse::default()] {
            let repaired = repair(&letter, Some(&decided), &again).unwrap();
            assert_eq!((repaired.raw.tenant.as_str(), repaired.decision), ("globex", None));
        }
        assert!(repair(&letter, Some(&decided), &set("initech")).is_err());
    }

    /// The UUID was computed apart by Python's `uuid.uuid5(uuid.NAMESPACE_OID, "1-3-12801")`.
    #[test]
    fn an_id_of_its_own_follows_from_the_position() {
        let own = "37199a60-f00b-5119-a32e-51b2c72396ce";
        let missing = RawPulse { id: String::new(), ..raw() };
        for letter in [
            letter(&missing, RejectReason::InvalidId, "id"),
            letter(&raw(), RejectReason::DuplicateConflict, "id"),
        ] {
            let repaired = repair(&letter, None, &RawPulse::default()).unwrap();
            assert_eq!((repaired.raw.id.as_str(), repaired.decision.unwrap().id.as_str()), (own, own));
        }
    }

    /// Bytes that others appended, and text that came as a pulse and is none.
    fn unreadable() -> [DeadLetter; 2] {
        let foreign =
            DeadLetter { kind: PayloadKind::Foreign, ..letter(&raw(), RejectReason::Undecodable, "") };
        let payload = Bytes::from_static(b"{\"id\": ");
        [foreign, DeadLetter { payload, ..letter(&raw(), RejectReason::InvalidField, "pulse") }]
    }

    #[test]
    fn what_is_no_pulse_is_none_until_its_fields_are_set() {
        for letter in unreadable() {
            let reject = repair(&letter, None, &RawPulse::default()).unwrap_err();
            assert_eq!(reject.reason, RejectReason::Undecodable);
        }
    }

    #[test]
    fn what_is_no_pulse_is_repaired_by_its_fields_under_an_id_of_its_own() {
        let set = RawPulse { id: String::new(), source: "by-hand".into(), ..raw() };
        for letter in unreadable() {
            let Repaired { raw, decision } = repair(&letter, None, &set).unwrap();
            assert_eq!(raw, RawPulse { id: own_id(letter.id), ..set.clone() });
            let decided = decision.unwrap();
            assert_eq!((decided.source.as_str(), &decided.id), ("by-hand", &raw.id));
            let again = repair(&letter, Some(&decided), &set).unwrap();
            assert_eq!(again, Repaired { raw, decision: None });
            let other = RawPulse { tenant: "globex".into(), ..set.clone() };
            assert!(repair(&letter, Some(&decided), &other).is_err());
        }
    }
}
