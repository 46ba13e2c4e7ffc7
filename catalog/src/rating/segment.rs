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
