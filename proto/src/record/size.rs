//! How much room a pulse takes at most, so that a packer stays below the bound of a record.

use super::RefusedPulse;
use domain::pulse::StampedPulse;

/// Bytes of a record besides what its pulses take, at most.
pub const RECORD_OVERHEAD: usize = 256;
/// Bytes of a pulse besides its texts: nine dictionary entries, their indexes, and the widest numbers.
const PULSE_OVERHEAD: usize = 128;
/// Bytes of a refused pulse besides its texts: six keys and lengths and the reason.
const REFUSED_OVERHEAD: usize = 32;

/// Bytes that a pulse adds to a record at most; alike ones share most of it.
pub fn size_hint(stamped: &StampedPulse) -> usize {
    let StampedPulse { pulse, stamps } = stamped;
    let texts = [
        pulse.tenant.as_str(),
        pulse.sku.as_str(),
        pulse.unit.as_str(),
        pulse.source.as_str(),
        pulse.resource_id.as_str(),
        stamps.group.as_str(),
        &stamps.calendar,
    ];
    let texts: usize = texts.iter().map(|text| text.len()).sum();
    // A value's byte takes three where it is percent-encoded.
    let dimensions: usize = pulse.dimensions.iter().map(|(key, value)| key.len() + 3 * value.len() + 2).sum();
    let ids = pulse.id.as_bytes().len() + pulse.corrects_id.as_ref().map_or(0, |id| id.as_bytes().len());
    PULSE_OVERHEAD + texts + dimensions + ids
}

/// Bytes that a refused pulse adds to a record at most.
pub fn refused_size_hint(refused: &RefusedPulse) -> usize {
    let texts = refused.tenant.len() + refused.field.len() + refused.message.len();
    REFUSED_OVERHEAD + texts + refused.payload.len()
}
