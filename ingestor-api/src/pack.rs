//! Packing: what several calls send to one partition, cut into records that keep their bounds.

use crate::part::Place;
use crate::trace::{self, TRACES_PER_RECORD_MAX, Trace};
use domain::port::{Header, NewRecord};
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
    /// Which of the pulses are traced.
    pub traced: Vec<Traced>,
}

/// Pulses of a load that one sampled trace is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Traced {
    /// The trace.
    pub trace: Trace,
    /// Accepted pulses, by their places.
    pub pulses: Range<usize>,
    /// Refused pulses, by their places.
    pub refused: Range<usize>,
}

/// Records ready to be appended together.
pub(crate) struct Packed {
    /// The records.
    pub records: Vec<NewRecord>,
    refused: Vec<Range<usize>>,
    refused_from: usize,
}

impl Packed {
    /// The positions of the refused pulses, in their order, once the records have their offsets.
    pub fn refused_positions(&self, offsets: &[u64]) -> impl Iterator<Item = Position> {
        let records = self.refused.iter().zip(&offsets[self.refused_from..]);
        records.flat_map(|(range, offset)| (0..range.len()).map(|index| Position::new(*offset, index)))
    }
}

/// Packs a load for a place.
pub(crate) fn pack(place: &Place, arrival: Timestamp, load: &Load) -> Packed {
    let envelope = Envelope { generation: place.generation.number, incarnation: place.incarnation, arrival };
    let accepted = cut(load.pulses.iter().map(record::size_hint));
    let refused = cut(load.refused.iter().map(record::refused_size_hint));
    let of_pulses = |range: &Range<usize>| {
        let value = record::pack(&envelope, &load.pulses[range.clone()], &[]);
        traced(record::to_log(value), load.traced.iter().filter(|traced| meet(&traced.pulses, range)))
    };
    let of_refused = |range: &Range<usize>| {
        let value = record::pack(&envelope, &[], &load.refused[range.clone()]);
        traced(record::to_log(value), load.traced.iter().filter(|traced| meet(&traced.refused, range)))
    };
    let of_control = |control| record::to_log(record::pack_control(&envelope, control));
    let records = accepted.iter().map(of_pulses).chain(refused.iter().map(of_refused));
    let records = records.chain(load.controls.iter().map(of_control));
    Packed { records: records.collect(), refused_from: accepted.len(), refused }
}

/// The record with a header for each of the traces, once.
fn traced<'a>(mut record: NewRecord, of: impl Iterator<Item = &'a Traced>) -> NewRecord {
    let mut traces: Vec<&Trace> = Vec::new();
    for Traced { trace, .. } in of {
        if traces.len() < TRACES_PER_RECORD_MAX && !traces.iter().any(|known| known.is_same(trace)) {
            traces.push(trace);
        }
    }
    let header = |trace: &&Trace| Header { name: trace::HEADER.to_owned(), value: trace.to_string().into() };
    record.headers.extend(traces.iter().map(header));
    record
}

fn meet(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start.max(other.start) < one.end.min(other.end)
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
    fn a_record_names_the_traces_of_its_pulses_once_and_not_too_many() {
        let traced_by =
            |trace: u8, pulses| Traced { trace: trace::testing::trace(trace), pulses, refused: 0..0 };
        let all = [traced_by(1, 0..2), traced_by(1, 2..3), traced_by(2, 5..9), traced_by(3, 9..9)];
        let headers = |range: Range<usize>| {
            let of = all.iter().filter(|traced| meet(&traced.pulses, &range));
            traced(NewRecord::default(), of).headers
        };
        let header = |trace| Header {
            name: "traceparent".into(),
            value: trace::testing::trace(trace).to_string().into(),
        };
        assert_eq!(headers(0..5), [header(1)]);
        assert_eq!(headers(2..6), [header(1), header(2)]);
        assert_eq!(headers(3..5), []);
        assert_eq!(headers(8..20), [header(2)]);
        let many: Vec<Traced> = (1..=20).map(|trace| traced_by(trace, 0..1)).collect();
        assert_eq!(traced(NewRecord::default(), many.iter()).headers.len(), TRACES_PER_RECORD_MAX);
    }

    #[test]
    fn refused_pulses_lie_behind_the_accepted_ones() {
        let packed = Packed { records: Vec::new(), refused: vec![0..2, 2..3], refused_from: 4 };
        let positions: Vec<Position> = packed.refused_positions(&[10, 11, 12, 15, 16, 19]).collect();
        let others_lie_between = [Position::new(16, 0), Position::new(16, 1), Position::new(19, 0)];
        assert_eq!(positions, others_lie_between);
    }
}
