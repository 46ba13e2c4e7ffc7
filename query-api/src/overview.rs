//! `GET /v1/tenants/{id}/overview`: everything about one tenant's month in one answer.

use crate::ask::{Ask, AskParams};
use crate::costs::{self, CostItem};
use crate::dead_letters::{Kept, Scan};
use crate::fold::late_count;
use crate::meta::Meta;
use crate::missing::{Gaps, Missing};
use crate::usage::{self, UsageItem};
use crate::{QueryApi, range};
use axum::extract::State;
use axum::response::Response;
use catalog::resource::{Contract, TenantStatus};
use catalog::state::State as CatalogState;
use domain::calendar::{Calendar, Period};
use domain::dead_letter::Status;
use domain::id::{ContractId, TenantId};
use domain::port::StoreError;
use domain::time::{Timestamp, Window};
use rest::problem::QueryProblems;
use rest::{Client, Count, Id, Params, Problem, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

#[cfg(test)]
mod tests;

/// Which month.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct OverviewParams {
    /// `2026-01`, `month` or `last-month`, of the tenant's billing calendar; the current one where absent.
    #[param(example = "month", pattern = r"^([0-9]{4}-(0[1-9]|1[0-2])|month|last-month)$")]
    pub period: Option<String>,
}

/// Whether a tenant's pulses are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// They are.
    Active,
    /// They are refused.
    Suspended,
    /// They are refused: the tenant is gone.
    Deleted,
}

/// The contract in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ContractInForce {
    /// Its name.
    pub id: String,
    /// The plan.
    pub plan: String,
    /// The version it is pinned to; absent: the one in effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_version: Option<u32>,
    /// From when.
    pub start_time: Time,
    /// Until when, exclusive; absent: without end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Time>,
}

/// What was refused and kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeadLetterCounts {
    /// How many wait.
    pub open: Count,
    /// How many of these for each reason.
    pub open_by_reason: BTreeMap<String, Count>,
    /// How many were billed by a replay.
    pub replayed: Count,
    /// How many were given up.
    pub purged: Count,
}

/// A tenant's month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Overview {
    /// Who pays.
    pub id: String,
    /// For people.
    pub name: String,
    /// Whether its pulses are taken.
    pub status: Standing,
    /// Which month.
    pub period: String,
    /// Its first instant.
    pub start_time: Time,
    /// The first instant after it.
    pub end_time: Time,
    /// The zone of the billing calendar.
    pub time_zone: String,
    /// The contract in force now, or at the end of a month that is over; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<ContractInForce>,
    /// What was used, by SKU and unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Vec<UsageItem>>,
    /// What it costs, by SKU and currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub costs: Option<Vec<CostItem>>,
    /// What was refused and kept, of what was received in the month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letters: Option<DeadLetterCounts>,
    /// How much this answer knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
    /// What should be here and cannot be read now.
    pub missing: Vec<Missing>,
}

/// Shows a tenant's month: usage, costs, contract, dead letters
///
/// A part that cannot be read now is named under `missing`; the others are answered.
#[utoipa::path(
    get,
    path = "/v1/tenants/{id}/overview",
    operation_id = "getTenantOverview",
    tag = "costs",
    params(
        (
            "id" = String,
            Path,
            description = "The tenant",
            example = "acme",
            min_length = 1,
            max_length = 128,
            pattern = r"^[^\u0000-\u001F\u007F-\u009F]+$"
        ),
        OverviewParams
    ),
    responses(
        (status = 200, description = "The month", body = Overview, example = json!({
            "id": "acme", "name": "Acme Ltd", "status": "active",
            "period": "2026-01", "start_time": "2026-01-01T00:00:00Z", "end_time": "2026-02-01T00:00:00Z",
            "time_zone": "UTC",
            "contract": {"id": "acme-2026", "plan": "llm", "start_time": "2026-01-01T00:00:00Z"},
            "usage": [{
                "start_time": "2026-01-01T00:00:00Z", "end_time": "2026-02-01T00:00:00Z",
                "group": {"sku": "llm.input"}, "quantity": "6000000", "unit": "token", "count": "42"
            }],
            "dead_letters": {"open": "1", "open_by_reason": {"UNKNOWN_SKU": "1"}, "replayed": "0", "purged": "0"},
            "meta": {"watermark": "2026-02-01T00:00:01Z", "complete": true, "final": false, "late_count": "0"},
            "missing": [{"part": "costs", "code": "UNAVAILABLE", "detail": "the store is unavailable: no answer"}]
        })),
        (status = 304, description = "The client has this answer"),
        QueryProblems
    )
)]
pub async fn get_tenant_overview(
    State(query): State<QueryApi>,
    Id(id): Id,
    Params { value: params, .. }: Params<OverviewParams>,
    client: Client,
) -> Result<Response, Problem> {
    let state = query.state();
    let id = TenantId::parse(&id)?;
    let month = Month::resolve(&query, &state, id, params.period.as_deref())?;
    client.answer(&month.overview(&query, &state).await?)
}

/// The month that is asked for.
struct Month {
    tenant: TenantId,
    calendar: Calendar,
    period: Period,
    window: Window,
}

impl Month {
    fn resolve(
        query: &QueryApi,
        state: &CatalogState,
        tenant: TenantId,
        period: Option<&str>,
    ) -> Result<Self, Problem> {
        let calendar = state.calendar_of(&tenant);
        let current = calendar.period_of(query.now());
        let period = range::parse_period(period.unwrap_or("month"), current)?;
        Ok(Self { window: calendar.window_of(period), tenant, calendar, period })
    }

    async fn overview(&self, query: &QueryApi, state: &CatalogState) -> Result<Overview, Problem> {
        let known = state.tenants().find_any(&self.tenant);
        let known = known.ok_or_else(|| Problem::not_found(format_args!("tenant {}", self.tenant)))?;
        let status = match known.value.status {
            _ if known.deleted => Standing::Deleted,
            TenantStatus::Active => Standing::Active,
            TenantStatus::Suspended => Standing::Suspended,
        };
        let ask = self.ask(query, state)?;
        let mut gaps = Gaps::default();
        let progress = gaps.note("meta", query.progress(state, &ask.tenants).await);
        let usage = gaps.note("usage", usage::sum(query.store(), &ask, self.window).await);
        let costs = gaps.note("costs", costs::rate(query.store(), state, &ask).await);
        let late_count = usage.as_ref().map_or(0, |usage| late_count(usage.values()));
        Ok(Overview {
            id: self.tenant.to_string(),
            name: known.value.name.to_string(),
            status,
            period: self.period.to_string(),
            start_time: Time(self.window.start()),
            end_time: Time(self.window.end()),
            time_zone: self.calendar.name().to_owned(),
            contract: self.contract(state, query.now()),
            usage: usage
                .map(|all| all.into_iter().map(|(slot, used)| usage::item(&ask, slot, used)).collect()),
            costs: costs.map(|costs| {
                costs.items.iter().map(|(slot, part)| costs::item(&ask, &costs, slot, part)).collect()
            }),
            dead_letters: gaps.note("dead_letters", self.dead_letters(query).await),
            meta: progress.map(|progress| progress.meta(&self.window, late_count)),
            missing: gaps.0,
        })
    }

    fn ask(&self, query: &QueryApi, state: &CatalogState) -> Result<Ask, Problem> {
        let params = AskParams {
            tenant: vec![self.tenant.to_string()],
            time_zone: Some(self.calendar.name().to_owned()),
            ..AskParams::default()
        };
        Ask::resolve(&params, state, Some(self.window), query.now())
    }

    fn contract(&self, state: &CatalogState, now: Timestamp) -> Option<ContractInForce> {
        let last = Timestamp::from_nanos(self.window.end().nanos() - 1);
        let instant = now.clamp(self.window.start(), last);
        let contracts = state.contracts_of(&self.tenant);
        let in_force = contracts.into_iter().find(|(_, contract)| contract.term.window().contains(instant));
        in_force.map(ContractInForce::from)
    }

    async fn dead_letters(&self, query: &QueryApi) -> Result<DeadLetterCounts, StoreError> {
        let mut scan = Scan::new(query.store(), &query.registry(), &self.window, None);
        let mut counts = DeadLetterCounts::default();
        while let Some(chunk) = scan.next_chunk().await? {
            let ours = |kept: &&Kept| {
                kept.tenant() == Some(self.tenant.as_str()) && self.window.contains(kept.letter.received_time)
            };
            chunk.iter().filter(ours).for_each(|kept| counts.add(kept));
        }
        Ok(counts)
    }
}

impl DeadLetterCounts {
    fn add(&mut self, kept: &Kept) {
        let count = match kept.state.status {
            Status::Open => {
                self.open_by_reason.entry(kept.letter.reason.name().to_owned()).or_default().0 += 1;
                &mut self.open
            }
            Status::Replayed => &mut self.replayed,
            Status::Purged => &mut self.purged,
        };
        count.0 += 1;
    }
}

impl From<(&ContractId, &Contract)> for ContractInForce {
    fn from((id, contract): (&ContractId, &Contract)) -> Self {
        Self {
            id: id.to_string(),
            plan: contract.plan.to_string(),
            plan_version: contract.plan_version,
            start_time: Time(contract.term.start()),
            end_time: contract.term.end().map(Time),
        }
    }
}
