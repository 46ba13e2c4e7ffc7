//! An examined call, sorted into the partitions it goes to.

use crate::decide::{Ready, Refused};
use crate::edge::Verdict;
use crate::intake::Report;
use crate::outcome::{Outcome, Rejection};
use crate::pack::Load;
use crate::part::{Hold, Part, Place};
use domain::generation::{Generation, Registry};
use domain::reject::Reject;
use domain::time::Timestamp;
use prost::Message;
use proto::record::RefusedPulse;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is done with refused pulses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusals {
    /// They are appended, stamped as refused, and become dead letters.
    Kept,
    /// They are only answered: they are dead letters already.
    Answered,
}

/// What goes where, and the outcomes that hold once it is there.
pub(crate) struct Dispatch {
    /// One part a partition.
    pub parts: Vec<(Place, Part)>,
    /// The places in the call of the refused pulses in these parts, in their order.
    pub kept: Vec<usize>,
    /// One a pulse of the call.
    pub outcomes: Vec<Outcome>,
}

/// Sorts a call.
pub(crate) fn dispatch(reports: &[Report], verdict: Verdict, refusals: Refusals) -> Dispatch {
    let Verdict { now, registry, ready, known, refused, hold } = verdict;
    let mut outcomes = vec![Outcome::Accepted; reports.len()];
    for index in known {
        outcomes[index] = Outcome::Duplicate;
    }
    let (counts, sorted) = (count(&ready), BTreeMap::new());
    let mut sorting = Sorting { reports, registry: &registry, now, hold: &hold, counts, sorted };
    for ready in ready {
        sorting.put_accepted(ready);
    }
    for Refused { index, reject, .. } in refused {
        if refusals == Refusals::Kept && reject.reason.is_kept() {
            sorting.put_refused(index, &reject);
        }
        outcomes[index] = Outcome::Rejected(Box::new(Rejection { reject, dead_letter: None }));
    }
    let mut dispatch = Dispatch { parts: Vec::new(), kept: Vec::new(), outcomes };
    for Sorted { place, part, kept } in sorting.sorted.into_values() {
        dispatch.parts.push((place, part));
        dispatch.kept.extend(kept);
    }
    dispatch
}

/// How many pulses each partition of a generation gets: so that none is moved again because its list grows.
fn count(ready: &[Ready]) -> BTreeMap<(u32, u32), usize> {
    let mut counts = BTreeMap::new();
    for Ready { route, .. } in ready {
        *counts.entry((route.generation.number, route.partition)).or_default() += 1;
    }
    counts
}

struct Sorting<'a> {
    reports: &'a [Report],
    registry: &'a Registry,
    now: Timestamp,
    hold: &'a Arc<Hold>,
    counts: BTreeMap<(u32, u32), usize>,
    sorted: BTreeMap<(u32, u32), Sorted>,
}

struct Sorted {
    place: Place,
    part: Part,
    kept: Vec<usize>,
}

impl Sorting<'_> {
    fn put_accepted(&mut self, ready: Ready) {
        let bytes = self.reports[ready.index].bytes;
        let Sorted { part, .. } = self.part(&ready.route.generation, ready.route.partition);
        part.bytes += bytes;
        part.marks.push(ready.mark);
        part.load.pulses.push(ready.pulse);
    }

    fn put_refused(&mut self, index: usize, reject: &Reject) {
        let report = &self.reports[index];
        let refused = refused_pulse(report, reject);
        let newest = self.registry.valid_at(self.now);
        let Sorted { part, kept, .. } = self.part(newest, newest.partition_of_payload(&refused.payload));
        part.bytes += report.bytes;
        part.load.refused.push(refused);
        kept.push(index);
    }

    fn part(&mut self, generation: &Arc<Generation>, partition: u32) -> &mut Sorted {
        let key = (generation.number, partition);
        self.sorted.entry(key).or_insert_with(|| {
            let count = self.counts.get(&key).copied().unwrap_or_default();
            let load = Load { pulses: Vec::with_capacity(count), ..Load::default() };
            let (marks, hold) = (Vec::with_capacity(count), Some(Arc::clone(self.hold)));
            Sorted {
                place: Place::new(self.registry, generation, partition),
                part: Part { load, marks, hold, ..Part::default() },
                kept: Vec::new(),
            }
        })
    }
}

fn refused_pulse(report: &Report, reject: &Reject) -> RefusedPulse {
    let payload = || proto::pulse::to_wire(&report.raw).encode_to_vec().into();
    RefusedPulse {
        tenant: report.raw.tenant.clone(),
        reason: reject.reason,
        field: reject.field.clone(),
        message: reject.message.clone(),
        payload: report.untouched.clone().unwrap_or_else(payload),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::Ids;
    use crate::testing::{House, NOW, raw, report};
    use domain::generation::Incarnation;
    use domain::pulse::RawPulse;

    /// A generation that is announced and not valid yet takes no refused pulse: its consumers may not run.
    #[tokio::test]
    async fn a_refused_pulse_goes_to_the_newest_generation_that_is_valid() {
        let edge = House::new().edge();
        for (valid_in_seconds, number) in [(1, 1), (0, 2)] {
            let reports = vec![report(RawPulse { quantity: "much".into(), ..raw("a-1") })];
            let mut examined = edge.examine(reports, Ids::Required).await.unwrap();
            let valid_from = NOW.plus_seconds(valid_in_seconds);
            let second = Generation { number: 2, valid_from, ..Generation::first([2; 16], 1) };
            let incarnation = Incarnation { number: 1, log_id: "second".into(), first_offsets: vec![0] };
            let registry = Registry::clone(&examined.verdict.registry).with_generation(second, incarnation);
            examined.verdict.registry = Arc::new(registry);
            let Dispatch { parts, kept, .. } = dispatch(&examined.reports, examined.verdict, Refusals::Kept);
            assert_eq!((parts.len(), kept), (1, vec![0]));
            assert_eq!(parts[0].0.generation.number, number);
        }
    }
}
