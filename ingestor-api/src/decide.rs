//! The decision about each pulse of a batch: which are admitted and where they belong, which are refused and why.

use crate::intake::Intake;
use crate::not_taken::NotTaken;
use crate::recent::Mark;
use domain::generation::{Registry, Route};
use domain::port::{Admission, Admitted};
use domain::pulse::{Pulse, StampedPulse, Stamps};
use domain::reject::Reject;
use domain::time::Timestamp;
use std::sync::Arc;

/// A batch, decided. `index` is a pulse's place in its batch.
pub(crate) struct Decided {
    /// How to route, as of the decision.
    pub registry: Arc<Registry>,
    /// By rising index.
    pub ready: Vec<Ready>,
    /// By rising index among the unreadable ones, then among the others.
    pub refused: Vec<Refused>,
}

/// An admitted pulse.
pub(crate) struct Ready {
    /// Its place in the batch.
    pub index: usize,
    /// Where it belongs.
    pub route: Route,
    /// What tells it apart.
    pub mark: Mark,
    /// As it is to stand in the log.
    pub pulse: StampedPulse,
}

/// A refused pulse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Its place in the batch.
    pub index: usize,
    /// Why.
    pub reject: Reject,
}

/// Decides about a batch. `now` is the edge's clock, read before; the catalogue must be confirmed after it.
pub(crate) async fn decide(
    admission: &dyn Admission,
    now: Timestamp,
    intake: Intake,
) -> Result<Decided, NotTaken> {
    let Intake { indexes, pulses, refused } = intake;
    let Admitted { registry, decisions } = admission.admit(now, &pulses).await?;
    let mut decided = Decided { registry, ready: Vec::with_capacity(pulses.len()), refused };
    for ((index, pulse), decision) in indexes.into_iter().zip(pulses).zip(decisions) {
        match decision.and_then(|stamps| ready(index, pulse, stamps, (&decided.registry, now))) {
            Ok(ready) => decided.ready.push(ready),
            Err(reject) => decided.refused.push(Refused { index, reject }),
        }
    }
    Ok(decided)
}

fn ready(
    index: usize,
    pulse: Pulse,
    stamps: Stamps,
    (registry, now): (&Registry, Timestamp),
) -> Result<Ready, Reject> {
    let identity = pulse.identity();
    let route = registry.route(&identity, pulse.event_time);
    route.generation.horizon.check(pulse.event_time, now)?;
    let key = &route.generation.hash_key;
    let mark = Mark { identity: identity.hash(key), content: pulse.content_hash(key) };
    Ok(Ready { index, route, mark, pulse: StampedPulse { pulse, stamps } })
}
