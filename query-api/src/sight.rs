//! A pulse as it stands in its record, with the place of that record.

use domain::calendar::Period;
use domain::checkpoint::Closings;
use domain::dimension::Group;
use domain::id::{PulseId, SkuId, TenantId, UnitId};
use domain::port::Entry;
use domain::position::Position;
use domain::pulse::Identity;
use domain::time::Timestamp;
use proto::record::{Body, PulseView, RowNames, Unpacked, unpack};
use rest::{Count, Decimal, Time};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// A pulse as it was reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PulseItem {
    /// Its id within the source.
    pub id: String,
    /// Who reported; may be empty.
    pub source: String,
    /// Who pays.
    pub tenant: String,
    /// What was used.
    pub sku: String,
    /// How much.
    pub quantity: Decimal,
    /// Of which unit, as reported.
    pub unit: String,
    /// When, or the start of the interval.
    pub event_time: Time,
    /// End of the interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_end_time: Option<Time>,
    /// All that were sent, declared or not.
    pub dimensions: BTreeMap<String, String>,
    /// The resource that was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// The pulse it corrects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrects_id: Option<String>,
}

/// Where a pulse stands in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RecordItem {
    /// The topic.
    pub topic: String,
    /// The log's generation.
    pub generation: u32,
    /// The partition within.
    pub partition: u32,
    /// The record.
    pub offset: Count,
    /// Which pulse of the record.
    pub index: u32,
    /// Both in one number, which stamps all that follows from the pulse.
    pub position: Count,
    /// When the record was written; absent where it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received_time: Option<Time>,
}

impl PulseItem {
    /// As answers show it.
    pub fn new(pulse: &PulseView<'_>) -> Self {
        let present = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Self {
            id: pulse.id.to_id().to_string(),
            source: pulse.source.to_owned(),
            tenant: pulse.names.tenant.to_string(),
            sku: pulse.names.sku.to_string(),
            quantity: Decimal::of(&pulse.quantity),
            unit: pulse.names.unit.to_string(),
            event_time: Time(pulse.event_time),
            interval_end_time: pulse.interval_end_time.map(Time),
            dimensions: Group::from_canonical(pulse.dimensions).pairs().into_iter().collect(),
            resource_id: present(pulse.resource_id),
            corrects_id: pulse.corrects_id.map(|id| id.to_id().to_string()),
        }
    }
}

/// A partition of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The topic.
    pub topic: String,
    /// The log's generation.
    pub generation: u32,
    /// The partition within.
    pub partition: u32,
}

impl Place {
    /// The record at a position.
    pub fn record(&self, position: Position, received: Option<Timestamp>) -> RecordItem {
        let number = |value: i64| Count(u64::try_from(value).unwrap_or_default());
        RecordItem {
            topic: self.topic.clone(),
            generation: self.generation,
            partition: self.partition,
            offset: Count(position.offset()),
            index: u32::try_from(position.index()).unwrap_or_default(),
            position: number(position.raw()),
            received_time: received.map(Time),
        }
    }
}

/// A pulse that was read from its record, with what tells its row and its identity.
#[derive(Clone, Debug)]
pub struct Sighted {
    /// As answers show it.
    pub item: PulseItem,
    /// Where it stands.
    pub position: Position,
    /// When its record was written.
    pub received: Timestamp,
    /// Its canonical id.
    pub id: PulseId,
    /// When.
    pub event_time: Timestamp,
    /// The row it falls in where it is no adjustment, but for generation and partition.
    pub names: Names,
    /// The month of its billing calendar.
    pub month: (Arc<str>, Period),
}

/// What keeps rows apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Who pays.
    pub tenant: TenantId,
    /// What was used.
    pub sku: SkuId,
    /// Of which unit.
    pub unit: UnitId,
    /// The declared dimensions.
    pub group: Group,
}

impl Sighted {
    /// The accepted pulses of a kept record that are wanted; none where it cannot be read.
    pub fn all_of(entry: &Entry, wanted: impl Fn(&PulseView<'_>) -> bool) -> Vec<Self> {
        let Ok(Unpacked { envelope, body: Body::Pulses(pulses) }) = unpack(entry) else { return Vec::new() };
        let taken = pulses.accepted().filter(|pulse| wanted(pulse));
        taken.map(|pulse| Self::new(&pulse, entry.offset, envelope.arrival)).collect()
    }

    fn new(pulse: &PulseView<'_>, offset: u64, received: Timestamp) -> Self {
        let RowNames { tenant, sku, unit, group } = pulse.names;
        Self {
            item: PulseItem::new(pulse),
            position: Position::new(offset, pulse.index),
            received,
            id: pulse.id.to_id(),
            event_time: pulse.event_time,
            names: Names {
                tenant: tenant.clone(),
                sku: sku.clone(),
                unit: unit.clone(),
                group: group.clone(),
            },
            month: (Arc::clone(pulse.calendar), pulse.period),
        }
    }

    /// Whether it can be in a row, an adjustment or not: by the last marker of its month. Where that opened the month
    /// again, earlier ones are not known, and either is possible.
    pub fn fits(&self, posted: Option<Period>, closings: &Closings) -> bool {
        match closings.0.get(&self.month) {
            None => posted.is_none(),
            Some(marker) if marker.closed => posted.is_some() == (marker.offset < self.position.offset()),
            Some(_) => true,
        }
    }

    /// What makes two reports the same.
    pub fn identity(&self) -> Identity<'_> {
        Identity {
            tenant: &self.item.tenant,
            source: &self.item.source,
            id: self.id.as_bytes(),
            minute: self.event_time.minute(),
        }
    }
}
