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
