//! Strict parsing of what a client sent: every field checked, one error per field.

use super::Pulse;
use crate::dimension::Dimensions;
use crate::id::{PulseId, ResourceId, SkuId, Source, TenantId, UnitId};
use crate::quantity::Quantity;
use crate::reject::{Reject, RejectReason};
use crate::time::Timestamp;
use std::fmt;

/// The fields of a pulse as text, in any spelling's common form. Empty text: the field was absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawPulse {
    /// Field `id`.
    pub id: String,
    /// Field `source`.
    pub source: String,
    /// Field `tenant`.
    pub tenant: String,
    /// Field `sku`.
    pub sku: String,
    /// Field `quantity`.
    pub quantity: String,
    /// Field `unit`.
    pub unit: String,
    /// Field `event_time`.
    pub event_time: Option<RawTime>,
    /// Field `interval_end_time`.
    pub interval_end_time: Option<RawTime>,
    /// Field `dimensions`.
    pub dimensions: Vec<(String, String)>,
    /// Field `resource_id`.
    pub resource_id: String,
    /// Field `corrects_id`.
    pub corrects_id: String,
}

/// A protobuf timestamp, unchecked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawTime {
    /// Seconds since the epoch.
    pub seconds: i64,
    /// Nanoseconds past them.
    pub nanos: i32,
}

impl From<Timestamp> for RawTime {
    fn from(instant: Timestamp) -> Self {
        let nanos = i32::try_from(instant.subsecond_nanos()).expect("less than a second of nanoseconds fits");
        Self { seconds: instant.seconds(), nanos }
    }
}

impl From<&Pulse> for RawPulse {
    fn from(pulse: &Pulse) -> Self {
        Self {
            id: pulse.id.to_string(),
            source: pulse.source.to_string(),
            tenant: pulse.tenant.to_string(),
            sku: pulse.sku.to_string(),
            quantity: pulse.quantity.to_string(),
            unit: pulse.unit.to_string(),
            event_time: Some(pulse.event_time.into()),
            interval_end_time: pulse.interval_end_time.map(RawTime::from),
            dimensions: pulse
                .dimensions
                .iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            resource_id: pulse.resource_id.to_string(),
            corrects_id: pulse.corrects_id.as_ref().map_or_else(String::new, ToString::to_string),
        }
    }
}

/// Everything that is wrong with one pulse, at least one thing, in the order of the fields.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Rejects(Vec<Reject>);

impl Rejects {
    /// The one that is answered: the first field's.
    pub fn into_first(self) -> Reject {
        self.0.into_iter().next().expect("a refusal has at least one cause")
    }

    /// All of them.
    pub fn all(&self) -> &[Reject] {
        &self.0
    }
}

impl From<Reject> for Rejects {
    fn from(reject: Reject) -> Self {
        Self(vec![reject])
    }
}

impl fmt::Display for Rejects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join("; "))
    }
}

impl RawPulse {
    /// Fills in id and event time before anything is decided. `minted` is the UUIDv7 made for a pulse without id; it is
    /// `None` where an id is required. A pulse with an id takes the time of its UUIDv7, never the time of receipt.
    pub fn stamp(&mut self, minted: Option<PulseId>) {
        if let (true, Some(minted)) = (self.id.is_empty(), minted) {
            self.id = minted.to_string();
        }
        if self.event_time.is_none() {
            let id = PulseId::parse(&self.id, "id").ok();
            let millis = id.and_then(|id| id.unix_millis());
            self.event_time = millis.map(|millis| Timestamp::from_millis(millis).into());
        }
    }

    /// The pulse, or every field that breaks its rule.
    pub fn parse(&self) -> Result<Pulse, Rejects> {
        self.parse_after(None)
    }

    /// The same; texts that are those of the pulse before are shared with it.
    pub fn parse_after(&self, before: Option<&Pulse>) -> Result<Pulse, Rejects> {
        let mut errors = Errors(Vec::new());
        let id = errors.note(self.parse_id());
        let source = errors.note(Source::parse_after(&self.source, before.map(|pulse| &pulse.source)));
        let tenant = errors.note(TenantId::parse_after(&self.tenant, before.map(|pulse| &pulse.tenant)));
        let sku = errors.note(SkuId::parse_after(&self.sku, before.map(|pulse| &pulse.sku)));
        let quantity = errors.note(Quantity::parse(&self.quantity));
        let unit = errors.note(UnitId::parse_after(&self.unit, before.map(|pulse| &pulse.unit)));
        let event_time = errors.note(self.parse_event_time());
        let interval_end_time = errors.note(self.parse_interval_end(event_time));
        let pairs = self.dimensions.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let dimensions = errors.note(Dimensions::parse(pairs));
        let resource_id = before.map(|pulse| &pulse.resource_id);
        let resource_id = errors.note(ResourceId::parse_after(&self.resource_id, resource_id));
        let corrects_id = errors.note(self.parse_corrects());
        let fields = (|| {
            Some(Pulse {
                id: id?,
                source: source?,
                tenant: tenant?,
                sku: sku?,
                quantity: quantity?,
                unit: unit?,
                event_time: event_time?,
                interval_end_time: interval_end_time?,
                dimensions: dimensions?,
                resource_id: resource_id?,
                corrects_id: corrects_id?,
            })
        })();
        fields.ok_or(Rejects(errors.0))
    }

    fn parse_id(&self) -> Result<PulseId, Reject> {
        if self.id.is_empty() {
            return Err(Reject::new(RejectReason::InvalidId, "id", "is required here"));
        }
        PulseId::parse(&self.id, "id")
    }

    fn parse_event_time(&self) -> Result<Timestamp, Reject> {
        let rule = "is required with an id that is no UUIDv7, because a retry could not repeat it";
        let raw =
            self.event_time.ok_or_else(|| Reject::new(RejectReason::InvalidTime, "event_time", rule))?;
        instant(raw, "event_time")
    }

    fn parse_interval_end(&self, start: Option<Timestamp>) -> Result<Option<Timestamp>, Reject> {
        let Some(raw) = self.interval_end_time else { return Ok(None) };
        let end = instant(raw, "interval_end_time")?;
        match start {
            Some(start) if end < start => Err(Reject::new(
                RejectReason::InvalidTime,
                "interval_end_time",
                "must not be before event_time",
            )),
            _ => Ok(Some(end)),
        }
    }

    fn parse_corrects(&self) -> Result<Option<PulseId>, Reject> {
        if self.corrects_id.is_empty() {
            return Ok(None);
        }
        let id = PulseId::parse(&self.corrects_id, "corrects_id");
        id.map(Some).map_err(|reject| Reject { reason: RejectReason::InvalidField, ..reject })
    }
}

fn instant(raw: RawTime, field: &str) -> Result<Timestamp, Reject> {
    let rule = "must be a time of the years 1 to 9999 with 0 to 999999999 nanoseconds";
    Timestamp::from_unix(raw.seconds, raw.nanos)
        .ok_or_else(|| Reject::new(RejectReason::InvalidTime, field, rule))
}

/// Collects the error of each field.
struct Errors(Vec<Reject>);

impl Errors {
    fn note<T>(&mut self, result: Result<T, Reject>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(reject) => {
                self.0.push(reject);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn valid() -> RawPulse {
        RawPulse {
            id: "a-1".into(),
            tenant: "acme".into(),
            sku: "llm.input".into(),
            quantity: "1.50".into(),
            unit: "token".into(),
            event_time: Some(RawTime { seconds: 1_700_000_000, nanos: 5 }),
            ..RawPulse::default()
        }
    }

    #[test]
    fn every_broken_field_is_named_once() {
        let raw = RawPulse {
            id: "x".repeat(65),
            source: "white space".into(),
            tenant: String::new(),
            sku: "no sku".into(),
            quantity: "1e3".into(),
            unit: String::new(),
            event_time: None,
            interval_end_time: Some(RawTime { seconds: 0, nanos: -1 }),
            dimensions: vec![("BAD".into(), String::new())],
            resource_id: "x".repeat(257),
            corrects_id: "x".repeat(65),
        };
        let rejects = raw.parse().unwrap_err();
        let named: Vec<(&str, &str)> =
            rejects.all().iter().map(|r| (r.field.as_str(), r.reason.name())).collect();
        assert_eq!(
            named,
            [
                ("id", "INVALID_ID"),
                ("source", "INVALID_FIELD"),
                ("tenant", "INVALID_FIELD"),
                ("sku", "INVALID_FIELD"),
                ("quantity", "INVALID_QUANTITY"),
                ("unit", "INVALID_FIELD"),
                ("event_time", "INVALID_TIME"),
                ("interval_end_time", "INVALID_TIME"),
                ("dimensions.BAD", "DIMENSION_LIMIT"),
                ("resource_id", "INVALID_FIELD"),
                ("corrects_id", "INVALID_FIELD"),
            ]
        );
    }

    #[test]
    fn an_interval_must_not_run_backwards() {
        let raw =
            RawPulse { interval_end_time: Some(RawTime { seconds: 1_600_000_000, nanos: 0 }), ..valid() };
        assert_eq!(raw.parse().unwrap_err().into_first().reason, RejectReason::InvalidTime);
        let same = RawPulse { interval_end_time: valid().event_time, ..valid() };
        assert!(same.parse().is_ok());
    }

    #[test]
    fn time_comes_from_the_id_and_never_from_receipt_where_an_id_was_sent() {
        let v7 = PulseId::parse("018f4e2a-0000-7000-8000-00000000abcd", "id").unwrap();
        let mut with_uuid = RawPulse { id: v7.to_string(), event_time: None, ..valid() };
        with_uuid.stamp(None);
        assert_eq!(with_uuid.parse().unwrap().event_time.millis(), 0x018f_4e2a_0000);
        let mut with_text = RawPulse { event_time: None, ..valid() };
        with_text.stamp(Some(v7.clone()));
        assert_eq!(with_text.parse().unwrap_err().into_first().field, "event_time");
        let mut without = RawPulse { id: String::new(), event_time: None, ..valid() };
        without.stamp(Some(v7.clone()));
        assert_eq!(without.parse().unwrap().id, v7);
    }

    #[test]
    fn the_content_hash_sees_every_field_of_the_client() {
        let key = [7; 16];
        let base = valid().parse().unwrap();
        let changed = [
            RawPulse { sku: "llm.output".into(), ..valid() },
            RawPulse { quantity: "1.500000000001".into(), ..valid() },
            RawPulse { unit: "item".into(), ..valid() },
            RawPulse { event_time: Some(RawTime { seconds: 1_700_000_000, nanos: 6 }), ..valid() },
            RawPulse { interval_end_time: valid().event_time, ..valid() },
            RawPulse { dimensions: vec![("region".into(), "eu".into())], ..valid() },
            RawPulse { resource_id: "vm-1".into(), ..valid() },
            RawPulse { corrects_id: "a-0".into(), ..valid() },
        ];
        for raw in changed {
            let other = raw.parse().unwrap();
            assert_ne!(other.content_hash(&key), base.content_hash(&key), "{raw:?}");
            assert_eq!(other.identity(), base.identity());
        }
        assert_eq!(RawPulse::from(&base).parse().unwrap(), base);
        let respelled = RawPulse { quantity: "001.5".into(), ..valid() }.parse().unwrap();
        assert_eq!(respelled.content_hash(&key), base.content_hash(&key));
    }

    #[test]
    fn what_is_shared_with_the_pulse_before_changes_nothing() {
        let before = valid().parse().unwrap();
        for raw in [
            valid(),
            RawPulse { tenant: "globex".into(), sku: "llm.output".into(), ..valid() },
            RawPulse { unit: "item".into(), source: "meter-1".into(), resource_id: "vm-1".into(), ..valid() },
            RawPulse { sku: "no sku".into(), ..valid() },
        ] {
            assert_eq!(raw.parse_after(Some(&before)), raw.parse(), "{raw:?}");
        }
        let same = valid().parse_after(Some(&before)).unwrap();
        assert!(Arc::ptr_eq(&same.tenant.to_shared(), &before.tenant.to_shared()));
    }

    proptest! {
        #[test]
        fn no_input_panics(id in ".{0,80}", text in ".{0,80}", seconds in any::<i64>(), nanos in any::<i32>()) {
            let mut raw = RawPulse {
                id, tenant: text.clone(), sku: text.clone(), quantity: text.clone(), unit: text.clone(), source: text.clone(),
                event_time: Some(RawTime { seconds, nanos }),
                interval_end_time: Some(RawTime { seconds: nanos.into(), nanos }),
                dimensions: vec![(text.clone(), text)],
                ..RawPulse::default()
            };
            raw.stamp(None);
            let _ = raw.parse();
        }
    }
}
