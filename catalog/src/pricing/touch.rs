//! Which tenants' bills a change of the catalogue touches, and from when on.

use crate::command::Change;
use crate::resource::ResourceName;
use crate::state::State;
use domain::calendar::{Calendar, Period};
use domain::id::{PlanId, TenantId};
use domain::time::Timestamp;
use std::collections::BTreeSet;

/// The months of tenants whose rating may differ after the change at `offset`, as far as there can be usage now. The
/// state is one that holds the change. Too many do no harm: rating again gives the same.
pub(super) fn months_touched(
    state: &State,
    change: &Change,
    offset: u64,
    now: Timestamp,
) -> BTreeSet<(TenantId, Period)> {
    let mut months = BTreeSet::new();
    for (tenant, from) in touched(state, change, offset) {
        let periods = periods(&state.calendar_of(&tenant), from.max(oldest_usage(state)), now);
        months.extend(periods.into_iter().map(|period| (tenant.clone(), period)));
    }
    months
}

/// A SKU's text and dimensions do not change what usage costs, and a tenant's status changes only what is taken.
fn touched(state: &State, change: &Change, offset: u64) -> Vec<(TenantId, Timestamp)> {
    let always = Timestamp::from_nanos(i64::MIN);
    match change {
        Change::PutContract(_, contract) => vec![(contract.tenant.clone(), always)],
        Change::Delete(ResourceName::Contract(id)) => state
            .contracts()
            .find_any(id)
            .map(|contract| (contract.value.tenant.clone(), always))
            .into_iter()
            .collect(),
        Change::PublishPlan(id, _) => plan_followers(state, id, offset),
        Change::PutUnit(..) => {
            state.contracts().live().map(|(_, contract)| (contract.value.tenant.clone(), always)).collect()
        }
        _ => Vec::new(),
    }
}

/// The tenants that follow the plan, from the time on at which the version published at `offset` takes effect.
fn plan_followers(state: &State, plan: &PlanId, offset: u64) -> Vec<(TenantId, Timestamp)> {
    let versions = state.find_plan(plan).map_or(&[][..], |plan| plan.versions());
    let Some(published) = versions.iter().find(|record| record.revision == offset) else { return Vec::new() };
    let from = published.version.plan.effective_time();
    let contracts = state.contracts().live().map(|(_, contract)| &contract.value);
    let following = contracts.filter(|contract| contract.plan == *plan && contract.plan_version.is_none());
    following.map(|contract| (contract.tenant.clone(), from)).collect()
}

/// No usage is older than the widest horizon before the catalogue's first command.
fn oldest_usage(state: &State) -> Timestamp {
    let generations = state.registry().into_iter().flat_map(|registry| registry.generations());
    let past = generations.map(|generation| generation.horizon.past_seconds).max().unwrap_or(0);
    state.born().map_or(Timestamp::MAX, |born| born.plus_seconds(-past))
}

fn periods(calendar: &Calendar, from: Timestamp, now: Timestamp) -> Vec<Period> {
    let first = calendar.period_of(from);
    let last = calendar.period_of(now);
    std::iter::successors(Some(first), |period| Some(period.next()))
        .take_while(|period| *period <= last)
        .collect()
}
