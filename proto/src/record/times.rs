//! The columns of event times and intervals: steps of one time unit per record.

use super::column::{Column, Sparse, collapse, places};
use bytes::Bytes;
use domain::time::Timestamp;

/// The units, largest first, in nanoseconds.
const UNITS: [i64; 4] = [1_000_000_000, 1_000_000, 1_000, 1];

/// An event time and, where use lasted, its end.
pub type Span = (Timestamp, Option<Timestamp>);

/// The columns as the record holds them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Nanoseconds of the unit.
    pub unit: u32,
    /// Each event time less the one before; the first less the arrival.
    pub events: Vec<i64>,
    /// Which pulses have an interval.
    pub places: Bytes,
    /// How long they are.
    pub intervals: Vec<i64>,
}

/// The columns of these times, in the largest unit that holds them exactly.
pub fn write(arrival: Timestamp, spans: &[Span]) -> Written {
    let nanos = || spans.iter().flat_map(|(event, end)| [Some(*event), *end]).flatten().map(Timestamp::nanos);
    let holds = |unit: &i64| nanos().all(|nanos| nanos % unit == 0);
    let unit = UNITS.into_iter().find(holds).expect("every time is whole in nanoseconds");
    let mut before = arrival.nanos().div_euclid(unit);
    let mut events = Vec::with_capacity(spans.len());
    let mut intervals = Vec::new();
    for (event, end) in spans {
        let event = event.nanos() / unit;
        events.push(event.wrapping_sub(before));
        intervals.extend(end.map(|end| (end.nanos() / unit).wrapping_sub(event)));
        before = event;
    }
    Written {
        unit: u32::try_from(unit).expect("a second has 10^9 nanoseconds"),
        events: collapse(events),
        places: places(spans.iter().map(|(_, end)| end.is_some())).into(),
        intervals: collapse(intervals),
    }
}

/// The times of `len` pulses. `None`: a column is not complete, or a time is out of range.
pub fn read(arrival: Timestamp, written: Written, len: usize) -> Option<Vec<Span>> {
    let unit = UNITS.into_iter().find(|unit| *unit == i64::from(written.unit))?;
    let instant = |steps: i64| steps.checked_mul(unit).map(Timestamp::from_nanos);
    let events = Column::read(written.events, len)?;
    let sparse = Sparse::read(&written.places, len, written.intervals.is_empty())?;
    let intervals = Column::read(written.intervals, sparse.present())?;
    let mut steps = arrival.nanos().div_euclid(unit);
    let mut spans = Vec::with_capacity(len);
    for index in 0..len {
        steps = steps.wrapping_add(*events.at(index));
        let end = match sparse.find(index) {
            Some(slot) => Some(instant(steps.wrapping_add(*intervals.at(slot)))?),
            None => None,
        };
        spans.push((instant(steps)?, end));
    }
    Some(spans)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn times_are_steps_in_the_largest_unit() {
        let arrival = Timestamp::from_nanos(100_999_999_999);
        let spans = [(seconds(90), Some(seconds(95))), (seconds(91), None)];
        let written = write(arrival, &spans);
        // 90 − 100 = −10 from the arrival rounded down, then +1.
        let expected =
            Written { unit: 1_000_000_000, events: vec![-10, 1], places: vec![0].into(), intervals: vec![5] };
        assert_eq!(written, expected);
        assert_eq!(read(arrival, written, 2).unwrap(), spans);
    }

    #[test]
    fn one_millisecond_makes_all_milliseconds() {
        let written = write(seconds(1), &[(seconds(1), None), (Timestamp::from_millis(1_001), None)]);
        assert_eq!((written.unit, written.events), (1_000_000, vec![0, 1]));
    }

    #[test]
    fn columns_that_do_not_fit_are_refused() {
        let written = |unit, events: &[i64], intervals: &[i64]| Written {
            unit,
            events: events.to_vec(),
            places: Bytes::new(),
            intervals: intervals.to_vec(),
        };
        assert!(read(seconds(0), written(1, &[1, 2], &[]), 2).is_some());
        assert!(read(seconds(0), written(7, &[1, 2], &[]), 2).is_none());
        assert!(read(seconds(0), written(1, &[1, 2, 3], &[]), 2).is_none());
        assert!(read(seconds(0), written(1, &[1, 2], &[1, 2, 3]), 2).is_none());
        assert!(read(seconds(0), written(1_000, &[i64::MAX], &[]), 1).is_none());
        assert!(read(seconds(0), written(1_000, &[1], &[i64::MAX]), 1).is_none());
    }

    proptest! {
        #[test]
        fn every_time_comes_back(
            arrival in any::<i64>(),
            parts in prop::collection::vec((any::<i64>(), prop::option::of(any::<i64>()), 0_usize..4), 1..20),
        ) {
            let at = |nanos: i64, unit: usize| Timestamp::from_nanos(nanos / UNITS[unit] * UNITS[unit]);
            let spans: Vec<Span> =
                parts.iter().map(|(event, end, unit)| (at(*event, *unit), end.map(|end| at(end, *unit)))).collect();
            let arrival = Timestamp::from_nanos(arrival);
            prop_assert_eq!(read(arrival, write(arrival, &spans), spans.len()), Some(spans));
        }
    }
}
