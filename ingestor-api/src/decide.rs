//! The decision about each pulse of a batch: which are admitted and where they belong, which are refused and why.

use crate::intake::Intake;
use crate::not_taken::NotTaken;
use crate::recent::Mark;
use domain::generation::{Registry, Route};
use domain::port::{Admission, Admitted};
use domain::pulse::{Pulse, StampedPulse};
use domain::reject::{Reject, RejectReason};
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
    /// Who would have paid, where the catalogue knows it.
    pub tenant: Option<Arc<str>>,
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
        let placed = decision.and_then(|stamps| Ok((stamps, place(&pulse, &decided.registry, now)?)));
        match placed {
            Ok((stamps, (route, mark))) => {
                decided.ready.push(Ready { index, route, mark, pulse: StampedPulse { pulse, stamps } });
            }
            Err(reject) => {
                let is_known = reject.reason != RejectReason::UnknownTenant;
                let tenant = is_known.then(|| pulse.tenant.to_shared());
                decided.refused.push(Refused { index, tenant, reject });
            }
        }
    }
    Ok(decided)
}

/// Where a pulse belongs, and what tells it apart.
fn place(pulse: &Pulse, registry: &Registry, now: Timestamp) -> Result<(Route, Mark), Reject> {
    let identity = pulse.identity();
    let route = registry.route(&identity, pulse.event_time);
    route.generation.horizon.check(pulse.event_time, now)?;
    let key = &route.generation.hash_key;
    let mark = Mark { identity: identity.hash(key), content: pulse.content_hash(key) };
    Ok((route, mark))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{House, NOW, raw};
    use domain::pulse::RawPulse;

    #[tokio::test]
    async fn a_refusal_names_its_tenant_where_the_catalogue_knows_it() {
        let house = House::new();
        let at = |seconds| Some(NOW.plus_seconds(seconds).into());
        let raws = [
            raw("a-1"),
            RawPulse { tenant: "nobody".into(), ..raw("a-2") },
            RawPulse { sku: "no.such".into(), ..raw("a-3") },
            RawPulse { event_time: at(-36 * 86_400), ..raw("a-4") },
        ];
        let pulses = raws.iter().map(|raw| raw.parse().unwrap()).collect();
        // The second of the call could not be read.
        let intake = Intake { indexes: vec![0, 2, 3, 4], pulses, refused: Vec::new() };
        let decided = decide(&*house.catalog, NOW, intake).await.unwrap();
        assert_eq!(decided.ready.iter().map(|ready| ready.index).collect::<Vec<_>>(), [0]);
        let refused: Vec<_> = decided
            .refused
            .iter()
            .map(|refused| (refused.index, refused.tenant.as_deref(), refused.reject.reason.name()))
            .collect();
        let expected =
            [(2, None, "UNKNOWN_TENANT"), (3, Some("acme"), "UNKNOWN_SKU"), (4, Some("acme"), "TOO_LATE")];
        assert_eq!(refused, expected);
    }

    #[tokio::test]
    async fn without_a_confirmed_catalogue_nothing_is_decided() {
        let house = House::new();
        house.catalog.set_stale(true);
        assert!(decide(&*house.catalog, NOW, Intake::default()).await.is_err());
    }
}
