//! `GET /v1/tenants`

use crate::api::{Api, Page};
use crate::form::TenantItem;
use crate::resource::Tenant;
use crate::rest::answer::listed;
use crate::rest::ask::{ListParams, part};
use ::rest::problem::QueryProblems;
use ::rest::{Params, Problem};
use axum::extract::State;
use axum::response::Response;

/// Tenants
#[utoipa::path(
    get,
    path = "/v1/tenants",
    operation_id = "listTenants",
    tag = "tenants",
    params(ListParams),
    responses(
        (status = 200, description = "A page of tenants", body = Page<TenantItem>, example = json!({
            "items": [{"id": "acme", "name": "Acme Ltd", "status": "active", "catalog_offset": "7"}],
            "meta": {"catalog_offset": "7"}
        })),
        QueryProblems
    )
)]
pub(in crate::rest) async fn list_tenants(
    State(api): State<Api>,
    params: Params<ListParams>,
) -> Result<Response, Problem> {
    Ok(listed(api.list::<Tenant>(part(&params), params.value.when()).await?))
}
