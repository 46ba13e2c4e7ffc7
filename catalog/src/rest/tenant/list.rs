//! `GET /v1/tenants`

use crate::api::{Api, Page};
use crate::form::TenantItem;
use crate::resource::Tenant;
use crate::rest::answer::listed;
use crate::rest::ask::{ListParams, part};
use ::rest::problem::QueryProblems;
use ::rest::{Client, Params, Problem};
use axum::extract::State;
use axum::response::Response;

/// The columns of a table.
const COLUMNS: [&str; 4] = ["id", "name", "status", "catalog_offset"];

/// Tenants
#[utoipa::path(
    get,
    path = "/v1/tenants",
    operation_id = "listTenants",
    tag = "tenants",
    params(ListParams),
    responses(
        (status = 200, description = "A page of tenants", content(
            (Page<TenantItem> = "application/json", example = json!({
            "items": [{"id": "acme", "name": "Acme Ltd", "status": "active", "catalog_offset": "7"}],
            "meta": {"catalog_offset": "7"}
        })),
            (String = "text/csv"),
            (String = "application/x-ndjson")
        )),
        (status = 304, description = "The client has this answer"),
        QueryProblems
    )
)]
pub(in crate::rest) async fn list_tenants(
    State(api): State<Api>,
    params: Params<ListParams>,
    client: Client,
) -> Result<Response, Problem> {
    listed(&api.list::<Tenant>(part(&params), params.value.when()).await?, &client, &COLUMNS)
}
