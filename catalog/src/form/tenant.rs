//! Tenants as they come in and go out.

use super::{Resource, offset_after};
use crate::command::Change;
use crate::resource::{ResourceName, Tenant, TenantStatus, Text};
use crate::state::{Resources, State};
use ::rest::{Count, Problem};
use domain::id::TenantId;
use domain::reject::Reject;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A tenant as it is to be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantBody {
    /// For people: at most 256 bytes.
    pub(crate) name: String,
    /// Whether its pulses are taken.
    #[serde(default)]
    pub(crate) status: StatusText,
}

/// Whether a tenant's pulses are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = TenantStatus)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StatusText {
    /// They are.
    #[default]
    Active,
    /// They are refused.
    Suspended,
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct TenantItem {
    pub(crate) id: String,
    /// For people.
    pub(crate) name: String,
    /// Whether its pulses are taken.
    pub(crate) status: StatusText,
    /// Name it in a later read to see this or newer.
    pub(crate) catalog_offset: Count,
}

impl Resource for Tenant {
    type Id = TenantId;
    type Body = TenantBody;
    type Item = TenantItem;
    const NAME: &'static str = "tenant";

    fn parse_id(text: &str) -> Result<TenantId, Reject> {
        TenantId::parse(text)
    }

    fn read(body: &TenantBody) -> Result<Self, Problem> {
        let status = match body.status {
            StatusText::Active => TenantStatus::Active,
            StatusText::Suspended => TenantStatus::Suspended,
        };
        Ok(Self { name: Text::parse(&body.name, "name")?, status })
    }

    fn show(id: &TenantId, tenant: &Self, revision: u64) -> TenantItem {
        let status = match tenant.status {
            TenantStatus::Active => StatusText::Active,
            TenantStatus::Suspended => StatusText::Suspended,
        };
        let name = tenant.name.to_string();
        TenantItem { id: id.to_string(), name, status, catalog_offset: offset_after(revision) }
    }

    fn all(state: &State) -> &Resources<TenantId, Self> {
        state.tenants()
    }

    fn put(id: TenantId, value: Self) -> Change {
        Change::PutTenant(id, value)
    }

    fn name(id: TenantId) -> ResourceName {
        ResourceName::Tenant(id)
    }
}
