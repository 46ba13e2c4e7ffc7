//! `GET /v1/tenants/{id}`

use crate::api::Api;
use crate::form::TenantItem;
use crate::resource::Tenant;
use crate::rest::answer::found;
use crate::rest::ask::ReadParams;
use ::rest::etag::IfNoneMatch;
use ::rest::problem::QueryProblems;
use ::rest::{Id, Params, Problem};
use axum::extract::State;
use axum::response::Response;

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
    Ok(found(&known, &api.find::<Tenant>(&id, params.value.when()).await?))
}
