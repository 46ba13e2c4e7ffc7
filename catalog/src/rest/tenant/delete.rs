//! `DELETE /v1/tenants/{id}`

use crate::command::Change;
use crate::resource::ResourceName;
use crate::rest::Api;
use crate::rest::answer::{Deleted, deleted};
use ::rest::etag::IfMatch;
use ::rest::problem::CommandProblems;
use ::rest::{Id, Problem};
use axum::extract::State;
use axum::response::Response;
use domain::id::TenantId;

/// Deletes a tenant
///
/// Its pulses are refused with `UNKNOWN_TENANT` from then on; what it used stays. A tenant with a contract that has not
/// ended is in use.
#[utoipa::path(
    delete,
    path = "/v1/tenants/{id}",
    operation_id = "deleteTenant",
    tag = "tenants",
    params(
        ("id" = String, Path, example = "acme"),
        ("If-Match" = Option<String>, Header, description = "The revision the tenant must have now", example = "\"6\"")
    ),
    responses(
        (status = 200, description = "The tenant is gone; its id may be put again", body = Deleted, example = json!({"id": "acme", "catalog_offset": "8"})),
        CommandProblems
    )
)]
pub(in crate::rest) async fn delete_tenant(
    State(api): State<Api>,
    Id(id): Id,
    condition: IfMatch,
) -> Result<Response, Problem> {
    let id = TenantId::parse(&id)?;
    let revision = api.catalog.state().tenants().find(&id).map(|tenant| tenant.revision);
    let settled = api.change(condition, revision, Change::Delete(ResourceName::Tenant(id.clone()))).await?;
    Ok(deleted(&id, settled.revision))
}
