//! Contracts as they stand in bodies.

pub(super) mod delete;
pub(super) mod get;
pub(super) mod list;
pub(super) mod put;

use super::answer::offset_after;
use crate::resource::{Contract, Term};
use ::rest::{Count, Problem, Time};
use domain::calendar::Calendar;
use domain::code::Code;
use domain::id::{ContractId, PlanId, TenantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A contract as it is to be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ContractBody {
    /// Who pays; it never changes.
    tenant: String,
    /// By which plan.
    plan: String,
    /// By which version of it; absent: the one in effect.
    plan_version: Option<u32>,
    /// From when, on a quarter of an hour.
    start_time: Time,
    /// Until when, exclusive, on a quarter of an hour; absent: without end.
    end_time: Option<Time>,
    /// The IANA zone whose months are billed.
    #[serde(default = "utc")]
    time_zone: String,
}

/// A contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct ContractItem {
    id: String,
    /// Who pays.
    tenant: String,
    /// By which plan.
    plan: String,
    /// By which version of it; absent: the one in effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan_version: Option<u32>,
    /// From when.
    start_time: Time,
    /// Until when, exclusive; absent: without end.
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<Time>,
    /// The IANA zone whose months are billed.
    time_zone: String,
    /// Name it in a later read to see this or newer.
    catalog_offset: Count,
}

impl ContractBody {
    fn parse(&self) -> Result<Contract, Problem> {
        let zone = |error| Problem::field(Code::InvalidTimeZone, "time_zone", format!("is unknown: {error}"));
        Ok(Contract {
            tenant: TenantId::parse(&self.tenant)?,
            plan: PlanId::parse(&self.plan)?,
            plan_version: self.plan_version,
            term: Term::new(self.start_time.0, self.end_time.map(|end| end.0))?,
            calendar: Calendar::parse(&self.time_zone).map_err(zone)?,
        })
    }
}

impl ContractItem {
    fn new(id: &ContractId, contract: &Contract, revision: u64) -> Self {
        Self {
            id: id.to_string(),
            tenant: contract.tenant.to_string(),
            plan: contract.plan.to_string(),
            plan_version: contract.plan_version,
            start_time: Time(contract.term.start()),
            end_time: contract.term.end().map(Time),
            time_zone: contract.calendar.name().to_owned(),
            catalog_offset: offset_after(revision),
        }
    }
}

fn utc() -> String {
    Calendar::utc().name().to_owned()
}
