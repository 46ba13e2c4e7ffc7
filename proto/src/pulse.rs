//! Pulses between wire and domain, for every gRPC door.

use crate::{instant, usage, v1};
use domain::pulse::{PULSE_BYTES_MAX, RawPulse};
use domain::reject::{Reject, RejectReason};
use domain::unit::canonical_spelling;
use prost::Message;

/// The fields of a pulse as they came; `RawPulse::parse` checks them.
pub fn from_wire(pulse: v1::Pulse) -> RawPulse {
    RawPulse {
        id: pulse.id,
        source: pulse.source,
        tenant: pulse.tenant,
        sku: pulse.sku,
        quantity: pulse.quantity,
        unit: pulse.unit,
        event_time: pulse.event_time.map(instant::raw_from_wire),
        interval_end_time: pulse.interval_end_time.map(instant::raw_from_wire),
        dimensions: pulse.dimensions.into_iter().collect(),
        resource_id: pulse.resource_id,
        corrects_id: pulse.corrects_id,
    }
}

/// The message of these fields; its bytes are the payload of dead letters.
pub fn to_wire(raw: &RawPulse) -> v1::Pulse {
    v1::Pulse {
        id: raw.id.clone(),
        source: raw.source.clone(),
        tenant: raw.tenant.clone(),
        sku: raw.sku.clone(),
        quantity: raw.quantity.clone(),
        unit: raw.unit.clone(),
        event_time: raw.event_time.map(instant::raw_to_wire),
        interval_end_time: raw.interval_end_time.map(instant::raw_to_wire),
        dimensions: raw.dimensions.iter().cloned().collect(),
        resource_id: raw.resource_id.clone(),
        corrects_id: raw.corrects_id.clone(),
    }
}

/// The fields of the first service's report; its unit may have a common spelling.
pub fn from_usage(request: usage::UsageInfoRequest) -> RawPulse {
    RawPulse {
        tenant: request.tenant,
        sku: request.product_sku,
        quantity: request.used_amount.to_string(),
        unit: canonical_spelling(&request.use_unity),
        ..RawPulse::default()
    }
}

/// Refuses a pulse that takes more bytes than one may.
pub fn check_size(pulse: &v1::Pulse) -> Result<(), Reject> {
    if pulse.encoded_len() <= PULSE_BYTES_MAX {
        return Ok(());
    }
    let rule = format!("must take at most {PULSE_BYTES_MAX} bytes");
    Err(Reject::new(RejectReason::TooLarge, "pulse", rule))
}

impl From<RejectReason> for v1::RejectReason {
    fn from(reason: RejectReason) -> Self {
        Self::try_from(reason.number()).expect("both enumerations have the same numbers")
    }
}
