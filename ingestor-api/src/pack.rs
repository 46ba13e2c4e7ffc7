//! Packing: what several calls send to one partition, cut into records that keep their bounds.

use crate::part::Place;
use domain::port::NewRecord;
use domain::position::{PULSES_PER_RECORD_MAX, Position, RECORD_BYTES_MAX};
use domain::pulse::StampedPulse;
use domain::time::Timestamp;
use proto::record::{self, Control, Envelope, RECORD_OVERHEAD, RefusedPulse};
use std::ops::Range;

/// What goes into one append, in its order.
#[derive(Default)]
pub(crate) struct Load {
    /// Accepted pulses: they come first.
    pub pulses: Vec<StampedPulse>,
    /// Refused pulses, in records of their own.
    pub refused: Vec<RefusedPulse>,
    /// Statements, a record each.
    pub controls: Vec<Control>,
}

/// Records ready to be appended together.
pub(crate) struct Packed {
    /// The records.
    pub records: Vec<NewRecord>,
    refused: Vec<Range<usize>>,
    refused_from: usize,
}

impl Packed {
    /// The positions of the refused pulses, in their order, once the first record has its offset.
    pub fn refused_positions(&self, offset: u64) -> impl Iterator<Item = Position> {
        let first = offset + self.refused_from as u64;
        let records = self.refused.iter().zip(first..);
        records.flat_map(|(range, offset)| (0..range.len()).map(move |index| Position::new(offset, index)))
    }
}

/// Packs a load for a place.
pub(crate) fn pack(place: &Place, arrival: Timestamp, load: &Load) -> Packed {
    let envelope = Envelope { generation: place.generation.number, incarnation: place.incarnation, arrival };
    let accepted = cut(load.pulses.iter().map(record::size_hint));
    let refused = cut(load.refused.iter().map(record::refused_size_hint));
    let of_pulses = |range: &Range<usize>| record::pack(&envelope, &load.pulses[range.clone()], &[]);
    let of_refused = |range: &Range<usize>| record::pack(&envelope, &[], &load.refused[range.clone()]);
    let of_control = |control| record::pack_control(&envelope, control);
    let values = accepted.iter().map(of_pulses).chain(refused.iter().map(of_refused));
    let values = values.chain(load.controls.iter().map(of_control));
    Packed { records: values.map(record::to_log).collect(), refused_from: accepted.len(), refused }
}

/// Cuts a sequence into pieces that keep the bounds of a record, by the sizes of its elements.
fn cut(sizes: impl Iterator<Item = usize>) -> Vec<Range<usize>> {
    let mut pieces: Vec<Range<usize>> = Vec::new();
    let mut bytes = 0;
    for (index, size) in sizes.enumerate() {
        bytes += size;
        match pieces.last_mut() {
            Some(piece) if piece.len() < PULSES_PER_RECORD_MAX && bytes <= RECORD_BYTES_MAX => {
                piece.end = index + 1;
            }
            _ => {
                bytes = RECORD_OVERHEAD + size;
                pieces.push(index..index + 1);
            }
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_pulse_is_in_exactly_one_record_in_order_and_bounds_hold(
            sizes in prop::collection::vec(prop_oneof![9 => 20_usize..400, 1 => 4_000_usize..40_000], 0..2_000),
        ) {
            let pieces = cut(sizes.iter().copied());
            prop_assert_eq!(pieces.iter().cloned().flatten().collect::<Vec<_>>(), (0..sizes.len()).collect::<Vec<_>>());
            for piece in &pieces {
                prop_assert!(!piece.is_empty() && piece.len() <= PULSES_PER_RECORD_MAX);
                prop_assert!(RECORD_OVERHEAD + sizes[piece.clone()].iter().sum::<usize>() <= RECORD_BYTES_MAX);
            }
        }
    }

    #[test]
    fn small_pulses_fill_records() {
        assert_eq!(cut([100; 600].into_iter()), [0..256, 256..512, 512..600]);
        assert_eq!(cut([200 * 1024; 3].into_iter()), [0..2, 2..3]);
        assert!(cut(std::iter::empty()).is_empty());
    }

    #[test]
    fn refused_pulses_lie_behind_the_accepted_ones() {
        let packed = Packed { records: Vec::new(), refused: vec![0..2, 2..3], refused_from: 4 };
        let positions: Vec<Position> = packed.refused_positions(10).collect();
        assert_eq!(positions, [Position::new(14, 0), Position::new(14, 1), Position::new(15, 0)]);
    }
}
