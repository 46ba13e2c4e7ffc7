//! `GET /v1/tenants/{id}`

use super::TenantItem;
use crate::rest::Api;
use crate::rest::answer::ReadParams;
use ::rest::etag::{self, IfNoneMatch};
use ::rest::problem::QueryProblems;
use ::rest::{Id, Params, Problem};
use axum::extract::State;
use axum::response::Response;
use domain::id::TenantId;

/// A tenant
#[utoipa::path(
    get,
    path = "/v1/tenants/{id}",
    operation_id = "getTenant",
    tag = "tenants",
    params(("id" = String, Path, example = "acme"), ReadParams),
    responses(
        (status = 200, description = "The tenant; its `ETag` is its revision", body = TenantItem, example = json!({"id": "acme", "name": "Acme Ltd", "status": "active", "catalog_offset": "7"})),
        (status = 304, description = "The client has this revision"),
        QueryProblems
    )
)]
pub(in crate::rest) async fn get_tenant(
    State(api): State<Api>,
    Id(id): Id,
    params: Params<ReadParams>,
    known: IfNoneMatch,
) -> Result<Response, Problem> {
    let id = TenantId::parse(&id)?;
    let state = api.state(params.value.catalog_offset).await?;
    let tenant = state.tenants().find(&id).ok_or_else(|| Problem::not_found(format!("tenant {id}")))?;
    Ok(etag::revision(&known, tenant.revision, &TenantItem::new(&id, &tenant.value, tenant.revision)))
}
