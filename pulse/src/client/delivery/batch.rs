//! Batches, and filling them up to the server's bounds.

use domain::pulse::RawPulse;
use domain::reject::Reject;
use prost::Message;
use proto::v1;

const PULSES_MAX: usize = 1_000;
/// Below the server's bound of 1 MiB, with room for the request around the pulses.
const BYTES_MAX: usize = 1024 * 1024 - 1024;
/// Field number and length before each pulse of a request.
const FRAME_BYTES: usize = 4;

/// Pulses that are answered together, and what the sender knows about each.
#[derive(Clone, Debug)]
pub struct Batch<T> {
    /// 1 to 1,000, all with ids.
    pub pulses: Vec<v1::Pulse>,
    /// One tag a pulse.
    pub tags: Vec<T>,
}

/// A batch that is being filled.
#[derive(Debug)]
pub struct Filling<T> {
    batch: Batch<T>,
    bytes: usize,
}

impl<T> Default for Filling<T> {
    fn default() -> Self {
        Self { batch: Batch { pulses: Vec::new(), tags: Vec::new() }, bytes: 0 }
    }
}

impl<T> Filling<T> {
    /// Adds a pulse; where it does not fit any more, the full batch comes out first.
    #[must_use = "a full batch is to be sent"]
    pub fn push(&mut self, pulse: v1::Pulse, tag: T) -> Option<Batch<T>> {
        let bytes = pulse.encoded_len() + FRAME_BYTES;
        let is_full = self.batch.pulses.len() == PULSES_MAX || self.bytes + bytes > BYTES_MAX;
        let full = if is_full { self.take() } else { None };
        self.batch.pulses.push(pulse);
        self.batch.tags.push(tag);
        self.bytes += bytes;
        full
    }

    /// What there is, if there is any.
    #[must_use = "a batch is to be sent"]
    pub fn take(&mut self) -> Option<Batch<T>> {
        let filled = std::mem::take(self).batch;
        (!filled.pulses.is_empty()).then_some(filled)
    }
}

/// The message of a pulse; one that no server takes is refused here.
pub fn sendable(raw: &RawPulse) -> Result<v1::Pulse, Reject> {
    let pulse = proto::pulse::to_wire(raw);
    proto::pulse::check_size(&pulse)?;
    Ok(pulse)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(count: usize, bytes: usize) -> Vec<Batch<usize>> {
        let mut filling = Filling::default();
        let pulse = v1::Pulse { id: "x".repeat(bytes), ..v1::Pulse::default() };
        let mut full: Vec<_> = (0..count).filter_map(|tag| filling.push(pulse.clone(), tag)).collect();
        full.extend(filling.take());
        full
    }

    #[test]
    fn a_batch_holds_a_thousand_pulses_at_most_and_none_is_left_behind() {
        let batches = fill(2_001, 36);
        let sizes: Vec<usize> = batches.iter().map(|batch| batch.pulses.len()).collect();
        assert_eq!(sizes, [1_000, 1_000, 1]);
        let tags: Vec<usize> = batches.into_iter().flat_map(|batch| batch.tags).collect();
        assert_eq!(tags, (0..2_001).collect::<Vec<_>>());
    }

    #[test]
    fn large_pulses_make_smaller_batches() {
        let batches = fill(100, 16_000);
        assert_eq!(batches.iter().map(|batch| batch.pulses.len()).sum::<usize>(), 100);
        for batch in batches {
            let request = v1::StreamPulsesRequest { batch_sequence: i64::MAX, pulses: batch.pulses };
            assert!(request.encoded_len() <= 1024 * 1024, "{}", request.encoded_len());
        }
    }
}
