//! What the server said, pulse by pulse, and the usage that must follow from it.

use super::workload::{Fate, Row, Workload};
use crate::client::delivery::Answered;
use crate::import::mapping::reason_name;
use hdrhistogram::Histogram;
use proto::v1;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// Longer latencies count as this one.
const LATENCY_MICROS_MAX: u64 = 3_600_000_000;
const LATENCY_DIGITS: u8 = 3;
/// More surprises are not told.
const SURPRISES_MAX: usize = 20;

/// Sum of thousandths and count of pulses.
pub type Used = (i128, u64);

/// The answers so far.
pub struct Tally {
    workload: Workload,
    nanos: u64,
    counted: HashSet<u64>,
    /// Usage of what was acknowledged, each pulse once.
    pub usage: BTreeMap<Row, Used>,
    /// Answered pulses.
    pub answered: u64,
    /// Those accepted for the first time.
    pub accepted: u64,
    /// Those that were there already.
    pub duplicates: u64,
    /// Those refused, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Answers that should have been others.
    pub surprises: Vec<String>,
    latency: Histogram<u64>,
}

impl Tally {
    /// Nothing was answered yet; sending is to take `nanos`.
    pub fn new(workload: Workload, nanos: u64) -> Self {
        let latency = Histogram::new_with_max(LATENCY_MICROS_MAX, LATENCY_DIGITS);
        Self {
            workload,
            nanos,
            counted: HashSet::new(),
            usage: BTreeMap::new(),
            answered: 0,
            accepted: 0,
            duplicates: 0,
            refused: BTreeMap::new(),
            surprises: Vec::new(),
            latency: latency.expect("the bounds of the histogram are constants that fit"),
        }
    }

    /// Notes an answer that came `since_start` after sending began. The latency of a pulse begins when it was due, not
    /// when there was room to send it.
    pub fn note(&mut self, answered: &Answered<u64>, since_start: Duration) {
        let Answered { batch, result } = answered;
        self.accepted += u64::from(result.accepted_count.unsigned_abs());
        self.duplicates += u64::from(result.duplicate_count.unsigned_abs());
        let refused: BTreeMap<usize, &v1::RejectedPulse> = result
            .rejections
            .iter()
            .filter_map(|one| Some((usize::try_from(one.index).ok()?, one)))
            .collect();
        for (place, index) in batch.tags.iter().enumerate() {
            self.note_pulse(*index, refused.get(&place).map(|refused| reason_name(refused.reason)));
            let due = Duration::from_nanos(self.workload.due(*index, self.nanos));
            let micros = since_start.saturating_sub(due).as_micros();
            self.latency.saturating_record(u64::try_from(micros).unwrap_or(LATENCY_MICROS_MAX));
        }
    }

    fn note_pulse(&mut self, index: u64, refused: Option<String>) {
        self.answered += 1;
        let original = self.workload.original(index);
        let (raw, fate) = self.workload.pulse(original);
        match (fate, refused) {
            (Fate::Counted(row, thousandths), None) => {
                if self.counted.insert(original) {
                    let (sum, count) = self.usage.entry(row).or_default();
                    *sum += thousandths;
                    *count += 1;
                }
            }
            (Fate::Refused(expected), Some(reason)) if reason == expected.name() => {
                *self.refused.entry(reason).or_default() += 1;
            }
            (fate, found) => self.surprise(format!(
                "pulse {index} ({}): expected {}, the server says {}",
                raw.id,
                match fate {
                    Fate::Counted(..) => "it to be accepted",
                    Fate::Refused(reason) => reason.name(),
                },
                found.as_deref().unwrap_or("accepted")
            )),
        }
    }

    fn surprise(&mut self, text: String) {
        if self.surprises.len() < SURPRISES_MAX {
            self.surprises.push(text);
        }
    }

    /// The latency below which so many of a thousand answers came, and the longest for 1,000: in microseconds.
    pub fn latency_micros(&self, per_mille: u64) -> u64 {
        let rank = (self.latency.len() * per_mille).div_ceil(1_000).max(1);
        let mut seen = 0;
        for step in self.latency.iter_recorded() {
            seen += step.count_since_last_iteration();
            if seen >= rank {
                return step.value_iterated_to().min(self.latency.max());
            }
        }
        self.latency.max()
    }

    /// All refused.
    pub fn refused_count(&self) -> u64 {
        self.refused.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::workload::tests::shape;
    use super::*;
    use crate::client::delivery::Batch;

    fn answer(indexes: &[u64], refused: &[(i32, i32)]) -> Answered<u64> {
        let rejections = refused.iter().map(|(index, reason)| v1::RejectedPulse {
            index: *index,
            reason: *reason,
            ..v1::RejectedPulse::default()
        });
        let batch = Batch { pulses: vec![v1::Pulse::default(); indexes.len()], tags: indexes.to_vec() };
        let accepted = i32::try_from(indexes.len() - refused.len()).unwrap();
        let result = v1::BatchResult {
            accepted_count: accepted,
            rejections: rejections.collect(),
            ..v1::BatchResult::default()
        };
        Answered { batch, result }
    }

    fn tally() -> (Workload, Tally) {
        let workload = Workload::new(shape());
        (workload.clone(), Tally::new(workload, 1_000_000_000))
    }

    /// The first pulse of the workload with that property.
    fn find(workload: &Workload, is_it: impl Fn(u64, Fate) -> bool) -> u64 {
        (0..1_000).find(|index| is_it(*index, workload.pulse(*index).1)).unwrap()
    }

    #[test]
    fn a_pulse_and_its_repetition_count_once_in_any_order() {
        let (workload, mut tally) = tally();
        let is_good = |fate| matches!(fate, Fate::Counted(..));
        let repeated = find(&workload, |index, fate| is_good(fate) && workload.original(index) != index);
        let original = workload.original(repeated);
        tally.note(&answer(&[repeated, original], &[]), Duration::from_secs(1));
        let Fate::Counted(row, thousandths) = workload.pulse(original).1 else { panic!("it is good") };
        assert_eq!(tally.usage.into_iter().collect::<Vec<_>>(), [(row, (thousandths, 1))]);
        assert_eq!(tally.answered, 2);
        assert!(tally.surprises.is_empty());
    }

    #[test]
    fn a_refusal_is_expected_for_its_own_reason_only() {
        let (workload, mut tally) = tally();
        let bad = find(&workload, |_, fate| matches!(fate, Fate::Refused(_)));
        let Fate::Refused(reason) = workload.pulse(bad).1 else { panic!("it is bad") };
        tally.note(&answer(&[bad], &[(0, reason.number())]), Duration::ZERO);
        assert_eq!((tally.refused_count(), tally.surprises.len()), (1, 0));
        let other = if reason.number() == 4 { 13 } else { 4 };
        tally.note(&answer(&[bad], &[(0, other)]), Duration::ZERO);
        tally.note(&answer(&[bad], &[]), Duration::ZERO);
        assert_eq!((tally.refused_count(), tally.surprises.len()), (1, 2));
        assert!(tally.surprises[1].ends_with("the server says accepted"), "{:?}", tally.surprises);
    }

    #[test]
    fn a_good_pulse_that_is_refused_is_a_surprise_and_no_usage() {
        let (workload, mut tally) = tally();
        let good = find(&workload, |_, fate| matches!(fate, Fate::Counted(..)));
        tally.note(&answer(&[good], &[(0, 13)]), Duration::ZERO);
        assert!(tally.usage.is_empty());
        assert!(tally.surprises[0].contains("expected it to be accepted, the server says TENANT_SUSPENDED"));
    }

    #[test]
    fn latency_begins_when_a_pulse_was_due() {
        let (_, mut tally) = tally();
        // Steady over a second: pulse 500 of 1,000 is due after half of it, pulse 0 at once.
        tally.note(&answer(&[0, 500], &[]), Duration::from_millis(600));
        let (fast, slow) = (tally.latency_micros(500), tally.latency_micros(1_000));
        assert!((99_900..=100_100).contains(&fast), "{fast}");
        assert!((599_000..=601_000).contains(&slow), "{slow}");
    }

    #[test]
    fn an_answer_before_it_was_due_took_no_time() {
        let (_, mut tally) = tally();
        tally.note(&answer(&[999], &[]), Duration::ZERO);
        assert_eq!(tally.latency_micros(1_000), 0);
    }
}
