//! `PUT /v1/tenants/{id}`

use super::{TenantBody, TenantItem};
use crate::command::Change;
use crate::rest::Api;
use crate::rest::answer::changed;
use ::rest::etag::IfMatch;
use ::rest::problem::CommandProblems;
use ::rest::{Body, Id, Problem};
use axum::extract::State;
use axum::response::Response;
use domain::id::TenantId;

/// Puts a tenant
///
/// A suspended tenant's pulses are refused with `TENANT_SUSPENDED` until it is active again.
#[utoipa::path(
    put,
    path = "/v1/tenants/{id}",
    operation_id = "putTenant",
    tag = "tenants",
    params(
        ("id" = String, Path, example = "acme"),
        ("If-Match" = Option<String>, Header, description = "The revision the tenant must have now", example = "\"6\"")
    ),
    request_body(content = TenantBody, example = json!({"name": "Acme Ltd", "status": "active"})),
    responses(
        (status = 200, description = "The tenant as it is now; its `ETag` is its revision", body = TenantItem, example = json!({"id": "acme", "name": "Acme Ltd", "status": "active", "catalog_offset": "7"})),
        CommandProblems
    )
)]
pub(in crate::rest) async fn put_tenant(
    State(api): State<Api>,
    Id(id): Id,
    condition: IfMatch,
    Body(body): Body<TenantBody>,
) -> Result<Response, Problem> {
    let id = TenantId::parse(&id)?;
    let tenant = body.parse()?;
    let revision = api.catalog.state().tenants().find(&id).map(|tenant| tenant.revision);
    let settled = api.change(condition, revision, Change::PutTenant(id.clone(), tenant.clone())).await?;
    Ok(changed(settled.revision, &TenantItem::new(&id, &tenant, settled.revision)))
}
