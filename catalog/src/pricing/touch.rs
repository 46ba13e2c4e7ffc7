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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::*;

    /// Two tenants under the plan, one of them pinned to its first version; the log began in March, so that no usage is
    /// older than 35 days before: the 3rd of February.
    fn state() -> State {
        let mut state = begun();
        state.apply(&command(tenant("globex"))).unwrap().unwrap();
        let mut pinned = contract("two", "globex", "2026-01-01T00:00:00Z", None);
        pinned.1.plan_version = Some(1);
        for change in [put(contract("one", "acme", "2026-01-01T00:00:00Z", None)), put(pinned)] {
            state.apply(&command(change)).unwrap().unwrap();
        }
        state
    }

    fn touched(state: &mut State, change: &Change) -> Vec<String> {
        let offset = state.offset();
        state.apply(&command(change.clone())).unwrap().ok();
        let months = months_touched(state, change, offset, at(NOW));
        months.into_iter().map(|(tenant, period)| format!("{tenant} {period}")).collect()
    }

    #[test]
    fn a_contract_touches_every_month_its_tenant_can_have_used() {
        let mut state = state();
        let shorter = put(contract("one", "acme", "2026-01-01T00:00:00Z", Some("2026-03-01T00:00:00Z")));
        assert_eq!(touched(&mut state, &shorter), ["acme 2026-02", "acme 2026-03"]);
        let gone = Change::Delete(ResourceName::Contract(domain::id::ContractId::parse("one").unwrap()));
        assert_eq!(touched(&mut state, &gone), ["acme 2026-02", "acme 2026-03"]);
    }

    #[test]
    fn a_plan_version_touches_those_who_follow_it_from_when_it_takes_effect() {
        let mut state = state();
        let march = plan(&PLAN.replace("2026-01-01", "2026-03-05"));
        assert_eq!(touched(&mut state, &march), ["acme 2026-03"]);
        assert_eq!(touched(&mut state, &march), Vec::<String>::new(), "the same content is no new version");
    }

    #[test]
    fn a_unit_touches_all_and_a_tenants_or_skus_text_none() {
        let mut state = state();
        assert_eq!(touched(&mut state, &unit("page", "page", "2")).len(), 4);
        assert_eq!(touched(&mut state, &tenant("acme")), Vec::<String>::new());
        assert_eq!(touched(&mut state, &sku("llm.input", "token", &["zone"])), Vec::<String>::new());
    }
}
