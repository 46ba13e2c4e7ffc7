//! The pulses of a record that was read: columns, and views that borrow from them.

use super::RefusedPulse;
use super::column::{Column, Sparse};
use super::dictionary::Dictionary;
use super::ids::{IdView, Ids};
use super::times::Span;
use crate::pulse;
use bytes::Bytes;
use domain::calendar::Period;
use domain::dimension::Group;
use domain::id::{SkuId, TenantId, UnitId};
use domain::pulse::{Content, Identity, RawPulse, StampedPulse, Stamps};
use domain::quantity::Quantity;
use domain::time::Timestamp;
use prost::Message;
use std::sync::Arc;

/// The pulses of a record: the accepted ones have the indexes from 0, the refused ones follow.
#[derive(Debug)]
pub struct Pulses {
    pub(super) keys: Keys,
    pub(super) values: Values,
    pub(super) refused: Vec<RefusedPulse>,
}

/// The columns of repeated texts.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) rows: Dictionary<RowNames>,
    pub(super) sources: Dictionary<String>,
    pub(super) dimensions: Dictionary<String>,
    pub(super) resource_ids: Dictionary<String>,
    pub(super) months: Dictionary<Month>,
}

/// The columns that differ from pulse to pulse.
#[derive(Debug)]
pub(super) struct Values {
    pub(super) ids: Ids,
    pub(super) quantities: Column<Quantity>,
    pub(super) spans: Vec<Span>,
    pub(super) corrections: Sparse,
    pub(super) corrects_ids: Ids,
    pub(super) catalog_offsets: Column<u64>,
}

/// A combination of tenant, SKU, unit and group, each valid by type.
#[derive(Debug)]
pub struct RowNames {
    /// Who pays.
    pub tenant: TenantId,
    /// What was used.
    pub sku: SkuId,
    /// Of which unit, as reported.
    pub unit: UnitId,
    /// The aggregation group.
    pub group: Group,
}

/// A month of a billing calendar.
#[derive(Debug)]
pub(super) struct Month {
    pub(super) calendar: Arc<str>,
    pub(super) period: Period,
}

/// Which combination of (tenant, SKU, unit, group) a pulse has, within its record: equal ones have equal references.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowRef(u8);

/// A pulse, borrowed from its record.
#[derive(Clone, Copy, Debug)]
pub struct PulseView<'a> {
    /// Its index in the record.
    pub index: usize,
    /// Which combination of tenant, SKU, unit and group it has.
    pub row: RowRef,
    /// That combination, valid by type.
    pub names: &'a RowNames,
    /// Who reports.
    pub source: &'a str,
    /// Its id within the source.
    pub id: IdView<'a>,
    /// How much.
    pub quantity: Quantity,
    /// When, or the start of the interval.
    pub event_time: Timestamp,
    /// End of the interval.
    pub interval_end_time: Option<Timestamp>,
    /// All dimensions as canonical text.
    pub dimensions: &'a str,
    /// The resource that was used, or empty.
    pub resource_id: &'a str,
    /// The pulse it corrects.
    pub corrects_id: Option<IdView<'a>>,
    /// The billing calendar.
    pub calendar: &'a Arc<str>,
    /// The month of that calendar.
    pub period: Period,
    /// The catalogue offset it was decided at.
    pub catalog_offset: u64,
}

impl Pulses {
    /// How many there are, accepted and refused.
    pub fn len(&self) -> usize {
        self.accepted_len() + self.refused.len()
    }

    /// Never: a record holds at least one pulse.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many were accepted.
    pub fn accepted_len(&self) -> usize {
        self.values.spans.len()
    }

    /// The accepted ones, by rising index.
    pub fn accepted(&self) -> impl ExactSizeIterator<Item = PulseView<'_>> {
        (0..self.accepted_len()).map(|index| self.view(index))
    }

    /// The refused ones; the first has the index [`Self::accepted_len`].
    pub fn refused(&self) -> &[RefusedPulse] {
        &self.refused
    }

    fn view(&self, index: usize) -> PulseView<'_> {
        let Self { keys, values, .. } = self;
        let names = keys.rows.at(index);
        let month = keys.months.at(index);
        let (event_time, interval_end_time) = values.spans[index];
        PulseView {
            index,
            row: RowRef(keys.rows.index(index)),
            names,
            source: keys.sources.at(index),
            id: values.ids.at(index),
            quantity: *values.quantities.at(index),
            event_time,
            interval_end_time,
            dimensions: keys.dimensions.at(index),
            resource_id: keys.resource_ids.at(index),
            corrects_id: values.corrections.find(index).map(|slot| values.corrects_ids.at(slot)),
            calendar: &month.calendar,
            period: month.period,
            catalog_offset: *values.catalog_offsets.at(index),
        }
    }
}

impl<'a> PulseView<'a> {
    /// What makes two reports the same.
    pub fn identity(&self) -> Identity<'a> {
        Identity {
            tenant: self.names.tenant.as_str(),
            source: self.source,
            id: self.id.bytes(),
            minute: self.event_time.minute(),
        }
    }

    /// What a re-send must repeat.
    pub fn content(&self) -> Content<'a> {
        Content {
            sku: self.names.sku.as_str(),
            quantity: self.quantity,
            unit: self.names.unit.as_str(),
            event_time: self.event_time,
            interval_end_time: self.interval_end_time,
            dimensions: self.dimensions,
            resource_id: self.resource_id,
            corrects_id: self.corrects_id.map_or(&[], |id| id.bytes()),
        }
    }

    /// The client's fields as text.
    pub fn to_raw(&self) -> RawPulse {
        RawPulse {
            id: self.id.to_id().to_string(),
            source: self.source.to_owned(),
            tenant: self.names.tenant.to_string(),
            sku: self.names.sku.to_string(),
            quantity: self.quantity.to_string(),
            unit: self.names.unit.to_string(),
            event_time: Some(self.event_time.into()),
            interval_end_time: self.interval_end_time.map(Into::into),
            dimensions: Group::from_canonical(self.dimensions).pairs(),
            resource_id: self.resource_id.to_owned(),
            corrects_id: self.corrects_id.map_or_else(String::new, |id| id.to_id().to_string()),
        }
    }

    /// The bytes of a `pulse.v1.Pulse` of the client's fields: the payload of a dead letter.
    pub fn payload(&self) -> Bytes {
        pulse::to_wire(&self.to_raw()).encode_to_vec().into()
    }

    /// The pulse itself. `None`: a text breaks its rule, which no edge lets happen.
    pub fn to_stamped(&self) -> Option<StampedPulse> {
        let stamps = Stamps {
            group: self.names.group.clone(),
            calendar: Arc::clone(self.calendar),
            period: self.period,
            catalog_offset: self.catalog_offset,
        };
        Some(StampedPulse { pulse: self.to_raw().parse().ok()?, stamps })
    }
}
