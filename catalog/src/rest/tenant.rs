//! Tenants as they stand in bodies.

pub(super) mod delete;
pub(super) mod get;
pub(super) mod list;
pub(super) mod put;

use super::answer::offset_after;
use crate::resource::{Tenant, TenantStatus, Text};
use ::rest::Count;
use domain::id::TenantId;
use domain::reject::Reject;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A tenant as it is to be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TenantBody {
    /// For people: at most 256 bytes.
    name: String,
    /// Whether its pulses are taken.
    #[serde(default)]
    status: StatusText,
}

/// Whether a tenant's pulses are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = TenantStatus)]
#[serde(rename_all = "snake_case")]
pub(super) enum StatusText {
    /// They are.
    #[default]
    Active,
    /// They are refused.
    Suspended,
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct TenantItem {
    id: String,
    /// For people.
    name: String,
    /// Whether its pulses are taken.
    status: StatusText,
    /// Name it in a later read to see this or newer.
    catalog_offset: Count,
}

impl TenantBody {
    fn parse(&self) -> Result<Tenant, Reject> {
        let status = match self.status {
            StatusText::Active => TenantStatus::Active,
            StatusText::Suspended => TenantStatus::Suspended,
        };
        Ok(Tenant { name: Text::parse(&self.name, "name")?, status })
    }
}

impl TenantItem {
    fn new(id: &TenantId, tenant: &Tenant, revision: u64) -> Self {
        let status = match tenant.status {
            TenantStatus::Active => StatusText::Active,
            TenantStatus::Suspended => StatusText::Suspended,
        };
        let name = tenant.name.to_string();
        Self { id: id.to_string(), name, status, catalog_offset: offset_after(revision) }
    }
}
