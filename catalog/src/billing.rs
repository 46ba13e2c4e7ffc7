//! What rating a tenant's month takes: its account from the catalogue, its usage from the store.

use crate::rating::{Account, ContractTerms, Month, UsageQuarter, rate_month, segments};
use crate::resource::Contract;
use crate::state::State;
use crate::usage::{quarters, read_usage};
use domain::calendar::Period;
use domain::id::{ContractId, TenantId};
use domain::port::{CellStore, StoreError};
use std::sync::Arc;

/// A pulse is at most 36 days late, so what is billed in a month is of that month or of one of the two before it.
const EARLIER_MONTHS: i32 = 2;

/// By what a tenant is billed, as the catalogue says.
pub fn account_of(state: &State, tenant: &TenantId) -> Account {
    let contracts = state.contracts_of(tenant);
    let segments = contracts.into_iter().flat_map(|(id, contract)| {
        let published = state.find_plan(&contract.plan).map_or(&[][..], |plan| plan.versions());
        let versions: Vec<_> = published.iter().map(|record| Arc::clone(&record.version)).collect();
        segments(&terms(id, contract), &versions)
    });
    Account { tenant: tenant.clone(), calendar: state.calendar_of(tenant), segments: segments.collect() }
}

/// Reads what is billed in a tenant's month and rates it.
pub async fn rate_stored_month(
    store: &dyn CellStore,
    state: &State,
    tenant: &TenantId,
    period: Period,
) -> Result<Month, StoreError> {
    let account = account_of(state, tenant);
    let mut usage = Vec::new();
    for month in months_billed_in(state, &account, period) {
        usage.extend(read_month(store, &account, month).await?);
    }
    Ok(rate_month(&account, state.conversions(), period, &usage))
}

async fn read_month(
    store: &dyn CellStore,
    account: &Account,
    month: Period,
) -> Result<Vec<UsageQuarter>, StoreError> {
    let window = account.calendar.window_of(month);
    let rows = read_usage(store, &account.tenant, window).await?;
    Ok(quarters(&rows, window).collect())
}

/// The month itself, and those before it that were ever closed: only theirs can be billed later.
fn months_billed_in(state: &State, account: &Account, period: Period) -> Vec<Period> {
    let calendar: Arc<str> = account.calendar.name().into();
    let earlier = (1..=EARLIER_MONTHS).filter_map(|back| Period::from_number(period.number() - back));
    let closed = earlier.filter(|month| state.closings().0.contains_key(&(Arc::clone(&calendar), *month)));
    closed.chain([period]).collect()
}

fn terms(id: &ContractId, contract: &Contract) -> ContractTerms {
    ContractTerms {
        id: id.clone(),
        plan: contract.plan.clone(),
        plan_version: contract.plan_version,
        start: contract.term.start(),
        end: contract.term.end(),
    }
}

#[cfg(test)]
mod changing_months;
#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Change;
    use crate::fixture::*;
    use domain::calendar::Calendar;

    fn apply(state: &mut State, change: Change) {
        state.apply(&command(change)).unwrap().unwrap();
    }

    #[test]
    fn an_account_holds_the_segments_of_all_contracts_and_versions() {
        let mut state = begun();
        apply(&mut state, put(contract("one", "acme", "2026-01-01T00:00:00Z", Some("2026-02-01T00:00:00Z"))));
        apply(&mut state, put(contract("two", "acme", "2026-02-01T00:00:00Z", None)));
        apply(&mut state, plan(&PLAN.replace("2026-01-01", "2026-02-10")));
        let account = account_of(&state, &TenantId::parse("acme").unwrap());
        let shown: Vec<_> = account
            .segments
            .iter()
            .map(|segment| {
                let version = segment.version.as_ref().map_or(0, |version| version.number);
                (segment.contract.to_string(), segment.window.start().to_string(), version)
            })
            .collect();
        let expected = [
            ("one", "2026-01-01T00:00:00Z", 1),
            ("two", "2026-02-01T00:00:00Z", 1),
            ("two", "2026-02-10T00:00:00Z", 2),
        ];
        assert_eq!(
            shown,
            expected.map(|(contract, start, version)| (contract.to_owned(), start.to_owned(), version))
        );
        let nobody = account_of(&state, &TenantId::parse("nobody").unwrap());
        assert_eq!((nobody.segments.len(), nobody.calendar.name()), (0, "UTC"));
    }

    #[test]
    fn earlier_months_are_read_only_where_they_were_ever_closed() {
        let mut state = begun();
        let account = account_of(&state, &TenantId::parse("acme").unwrap());
        let month = |text: &str| Period::parse(text).unwrap();
        assert_eq!(months_billed_in(&state, &account, month("2026-03")), [month("2026-03")]);
        apply(&mut state, Change::ClosePeriod(Calendar::utc(), month("2026-01")));
        assert_eq!(
            months_billed_in(&state, &account, month("2026-03")),
            [month("2026-01"), month("2026-03")]
        );
        assert_eq!(months_billed_in(&state, &account, month("2026-04")), [month("2026-04")]);
    }
}
