//! One report of use, valid by type.

use crate::calendar::Period;
use crate::dimension::{Dimensions, Group};
use crate::hash::{FieldHasher, HashKey};
use crate::id::{PulseId, ResourceId, SkuId, Source, TenantId, UnitId};
use crate::quantity::Quantity;
use crate::time::Timestamp;
use std::sync::Arc;

mod raw;
pub use raw::{RawPulse, RawTime, Rejects};

/// The most bytes a pulse may take on the wire.
pub const PULSE_BYTES_MAX: usize = 16 * 1024;

/// One report of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulse {
    /// Its id within the source, canonical.
    pub id: PulseId,
    /// Who reports.
    pub source: Source,
    /// Who pays.
    pub tenant: TenantId,
    /// What was used.
    pub sku: SkuId,
    /// How much.
    pub quantity: Quantity,
    /// Of which unit, as reported.
    pub unit: UnitId,
    /// When, or the start of the interval.
    pub event_time: Timestamp,
    /// End of the interval, informative.
    pub interval_end_time: Option<Timestamp>,
    /// All that were sent, declared or not.
    pub dimensions: Dimensions,
    /// The resource that was used, informative; may be empty.
    pub resource_id: ResourceId,
    /// The pulse it corrects, informative.
    pub corrects_id: Option<PulseId>,
}

/// What the edge adds on acceptance, at a named offset of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamps {
    /// The aggregation group.
    pub group: Group,
    /// The IANA zone of the tenant's billing calendar.
    pub calendar: Arc<str>,
    /// The month of that calendar in which the event time lies.
    pub period: Period,
    /// The catalogue offset it was decided at: everything below is seen.
    pub catalog_offset: u64,
}

/// A pulse as it stands in the log: accepted and stamped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StampedPulse {
    /// What the client reported.
    pub pulse: Pulse,
    /// What the edge added.
    pub stamps: Stamps,
}

impl Pulse {
    /// What makes two reports the same.
    pub fn identity(&self) -> Identity<'_> {
        Identity {
            tenant: self.tenant.as_str(),
            source: self.source.as_str(),
            id: self.id.as_bytes(),
            minute: self.event_time.minute(),
        }
    }

    /// What a re-send must repeat.
    pub fn content<'a>(&'a self, dimensions: &'a str) -> Content<'a> {
        Content {
            sku: self.sku.as_str(),
            quantity: self.quantity,
            unit: self.unit.as_str(),
            event_time: self.event_time,
            interval_end_time: self.interval_end_time,
            dimensions,
            resource_id: self.resource_id.as_str(),
            corrects_id: self.corrects_id.as_ref().map_or(&[], |id| id.as_bytes()),
        }
    }

    /// The content hash under a generation's key.
    pub fn content_hash(&self, key: &HashKey) -> u64 {
        self.content(&self.dimensions.canonical()).hash(key)
    }
}

/// Identity of a pulse: (tenant, source, id, minute of event time), bytes compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity<'a> {
    /// Who pays.
    pub tenant: &'a str,
    /// Who reports.
    pub source: &'a str,
    /// The canonical id.
    pub id: &'a [u8],
    /// Minutes since the epoch.
    pub minute: i64,
}

impl Identity<'_> {
    /// The identity's 128-bit hash under a generation's key.
    pub fn hash(&self, key: &HashKey) -> u128 {
        FieldHasher::new(key)
            .bytes(self.tenant.as_bytes())
            .bytes(self.source.as_bytes())
            .bytes(self.id)
            .number(i128::from(self.minute))
            .finish128()
    }
}

/// The client's normalised fields beside identity, without stamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content<'a> {
    /// What was used.
    pub sku: &'a str,
    /// How much.
    pub quantity: Quantity,
    /// Of which unit.
    pub unit: &'a str,
    /// When, after defaulting.
    pub event_time: Timestamp,
    /// End of the interval.
    pub interval_end_time: Option<Timestamp>,
    /// All dimensions, canonical text.
    pub dimensions: &'a str,
    /// The resource, or empty.
    pub resource_id: &'a str,
    /// Canonical bytes of the corrected id, or empty.
    pub corrects_id: &'a [u8],
}

impl Content<'_> {
    /// The content's 64-bit hash under a generation's key.
    pub fn hash(&self, key: &HashKey) -> u64 {
        let end = self.interval_end_time.map(|end| end.nanos().to_le_bytes());
        FieldHasher::new(key)
            .bytes(self.sku.as_bytes())
            .number(self.quantity.atoms())
            .bytes(self.unit.as_bytes())
            .number(i128::from(self.event_time.nanos()))
            .bytes(end.as_ref().map_or(&[] as &[u8], |bytes| bytes))
            .bytes(self.dimensions.as_bytes())
            .bytes(self.resource_id.as_bytes())
            .bytes(self.corrects_id)
            .finish64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed apart by a SipHash-2-4-128 written in Python.
    #[test]
    fn golden_identity() {
        let key: HashKey = std::array::from_fn(|index| u8::try_from(index).unwrap());
        let identity = Identity { tenant: "acme", source: "meter-1", id: b"a-1", minute: 29_663_415 };
        assert_eq!(identity.hash(&key), 0x0aa3_51ab_73dd_0a34_e83b_1027_8acd_0ac8);
    }
}
