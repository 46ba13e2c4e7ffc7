//! Which contract and which version of its plan hold when.

use crate::plan::PlanVersion;
use domain::id::{ContractId, PlanId};
use domain::time::{Timestamp, Window};
use std::sync::Arc;

/// What rating needs to know of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractTerms {
    /// Its name.
    pub id: ContractId,
    /// The plan it binds to.
    pub plan: PlanId,
    /// The version it is pinned to; `None`: it follows the version in effect.
    pub plan_version: Option<u32>,
    /// The first instant it holds, on a quarter of an hour.
    pub start: Timestamp,
    /// The first instant it holds no more; `None`: it has no end.
    pub end: Option<Timestamp>,
}

/// A span of time under one contract and one version of its plan: tiers and free quantity start again in the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// When it holds.
    pub window: Window,
    /// The contract.
    pub contract: ContractId,
    /// The version in effect; `None`: the contract holds and no version of its plan does yet.
    pub version: Option<Arc<PlanVersion>>,
}

/// The segments of a contract over its whole term, in the order of time. `versions` are those of its plan, in any order;
/// of several that take effect at once the latest published holds. A pinned version holds from the contract's start,
/// whatever its effective time.
pub fn segments(contract: &ContractTerms, versions: &[Arc<PlanVersion>]) -> Vec<Segment> {
    let end = contract.end.unwrap_or(Timestamp::MAX);
    let changes = match contract.plan_version {
        Some(pinned) => vec![(contract.start, find_version(versions, pinned))],
        None => changes(contract.start, versions),
    };
    let ends = changes.iter().skip(1).map(|(start, _)| *start).chain([end]);
    let segment = |((start, version), next): (&(Timestamp, Option<Arc<PlanVersion>>), Timestamp)| {
        let window = Window::new(*start, next.min(end))?;
        Some(Segment { window, contract: contract.id.clone(), version: version.clone() })
    };
    changes.iter().zip(ends).filter_map(segment).collect()
}

fn find_version(versions: &[Arc<PlanVersion>], number: u32) -> Option<Arc<PlanVersion>> {
    versions.iter().find(|version| version.number == number).cloned()
}

/// The version in effect at `start`, then each that takes effect later.
fn changes(start: Timestamp, versions: &[Arc<PlanVersion>]) -> Vec<(Timestamp, Option<Arc<PlanVersion>>)> {
    let mut ordered: Vec<&Arc<PlanVersion>> = versions.iter().collect();
    ordered.sort_by_key(|version| (version.plan.effective_time(), version.number));
    let mut changes = vec![(start, None)];
    for version in ordered {
        let change = (version.plan.effective_time().max(start), Some(Arc::clone(version)));
        match changes.last_mut() {
            Some(last) if last.0 == change.0 => *last = change,
            _ => changes.push(change),
        }
    }
    changes
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests {
    use super::super::fixture::{at, version_from};
    use super::*;

    const PRICES: &str = "- {id: disk, sku: disk, unit: GB, model: per_unit, price: \"1\"}";

    fn contract(plan_version: Option<u32>, start: &str, end: Option<&str>) -> ContractTerms {
        ContractTerms {
            id: ContractId::parse("c").unwrap(),
            plan: PlanId::parse("test").unwrap(),
            plan_version,
            start: at(start),
            end: end.map(at),
        }
    }

    /// Version 1 from March on, version 2 from May on, version 3 from March on as well.
    fn versions() -> Vec<Arc<PlanVersion>> {
        let version = |(number, time)| version_from(number, time, PRICES);
        let times = [(3, "2026-03-01T00:00:00Z"), (2, "2026-05-01T10:15:00Z"), (1, "2026-03-01T00:00:00Z")];
        times.map(version).to_vec()
    }

    fn shown(contract: &ContractTerms) -> Vec<(String, String, Option<u32>)> {
        let shown = |segment: Segment| {
            let number = segment.version.map(|version| version.number);
            (segment.window.start().to_string(), segment.window.end().to_string(), number)
        };
        segments(contract, &versions()).into_iter().map(shown).collect()
    }

    fn row(start: &str, end: &str, version: Option<u32>) -> (String, String, Option<u32>) {
        (start.to_owned(), end.to_owned(), version)
    }

    #[test]
    fn a_contract_follows_the_version_in_effect() {
        let expected = [
            row("2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z", None),
            row("2026-03-01T00:00:00Z", "2026-05-01T10:15:00Z", Some(3)),
            row("2026-05-01T10:15:00Z", "2026-06-01T00:00:00Z", Some(2)),
        ];
        assert_eq!(shown(&contract(None, "2026-02-01T00:00:00Z", Some("2026-06-01T00:00:00Z"))), expected);
    }

    #[test]
    fn a_version_that_took_effect_before_the_contract_holds_from_its_start() {
        let open = shown(&contract(None, "2026-07-01T00:00:00Z", None));
        assert_eq!(open, [row("2026-07-01T00:00:00Z", &Timestamp::MAX.to_string(), Some(2))]);
        let ended = shown(&contract(None, "2026-04-01T00:00:00Z", Some("2026-05-01T00:00:00Z")));
        assert_eq!(ended, [row("2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z", Some(3))]);
    }

    #[test]
    fn a_pinned_version_holds_throughout() {
        let term = ("2026-02-01T00:00:00Z", "2026-06-01T00:00:00Z");
        assert_eq!(shown(&contract(Some(1), term.0, Some(term.1))), [row(term.0, term.1, Some(1))]);
        assert_eq!(shown(&contract(Some(9), term.0, Some(term.1))), [row(term.0, term.1, None)]);
    }

    #[test]
    fn a_contract_that_ends_before_it_starts_has_no_segments() {
        assert_eq!(shown(&contract(None, "2026-02-01T00:00:00Z", Some("2026-02-01T00:00:00Z"))), []);
        assert_eq!(shown(&contract(None, "2026-06-01T00:00:00Z", Some("2026-02-01T00:00:00Z"))), []);
    }
}
