//! Contracts as they come in and go out.

use super::{Resource, offset_after};
use crate::command::Change;
use crate::resource::{Contract, ResourceName, Term};
use crate::state::{Resources, State};
use ::rest::{Count, Problem, Time};
use domain::calendar::Calendar;
use domain::code::Code;
use domain::id::{ContractId, PlanId, TenantId};
use domain::reject::Reject;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A contract as it is to be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContractBody {
    /// Who pays; it never changes.
    pub(crate) tenant: String,
    /// By which plan.
    pub(crate) plan: String,
    /// By which version of it; absent: the one in effect.
    pub(crate) plan_version: Option<u32>,
    /// From when, on a quarter of an hour.
    pub(crate) start_time: Time,
    /// Until when, exclusive, on a quarter of an hour; absent: without end.
    pub(crate) end_time: Option<Time>,
    /// The IANA zone whose months are billed.
    #[serde(default = "utc")]
    pub(crate) time_zone: String,
}

/// A contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ContractItem {
    pub(crate) id: String,
    /// Who pays.
    pub(crate) tenant: String,
    /// By which plan.
    pub(crate) plan: String,
    /// By which version of it; absent: the one in effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) plan_version: Option<u32>,
    /// From when.
    pub(crate) start_time: Time,
    /// Until when, exclusive; absent: without end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) end_time: Option<Time>,
    /// The IANA zone whose months are billed.
    pub(crate) time_zone: String,
    /// Name it in a later read to see this or newer.
    pub(crate) catalog_offset: Count,
}

impl Resource for Contract {
    type Id = ContractId;
    type Body = ContractBody;
    type Item = ContractItem;
    const NAME: &'static str = "contract";

    fn parse_id(text: &str) -> Result<ContractId, Reject> {
        ContractId::parse(text)
    }

    fn read(body: &ContractBody) -> Result<Self, Problem> {
        let rule = "must be an IANA name such as Europe/Berlin";
        let zone = |_| Problem::field(Code::InvalidTimeZone, "time_zone", rule);
        Ok(Self {
            tenant: TenantId::parse(&body.tenant)?,
            plan: PlanId::parse(&body.plan)?,
            plan_version: body.plan_version,
            term: Term::new(body.start_time.0, body.end_time.map(|end| end.0))?,
            calendar: Calendar::parse(&body.time_zone).map_err(zone)?,
        })
    }

    fn show(id: &ContractId, contract: &Self, revision: u64) -> ContractItem {
        ContractItem {
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

    fn all(state: &State) -> &Resources<ContractId, Self> {
        state.contracts()
    }

    fn put(id: ContractId, value: Self) -> Change {
        Change::PutContract(id, value)
    }

    fn name(id: ContractId) -> ResourceName {
        ResourceName::Contract(id)
    }
}

fn utc() -> String {
    Calendar::utc().name().to_owned()
}
