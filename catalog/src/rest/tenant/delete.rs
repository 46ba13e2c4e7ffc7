//! `DELETE /v1/tenants/{id}`

use crate::api::{Api, Terms};
use crate::resource::Tenant;
use crate::rest::answer::{Deleted, deleted};
use ::rest::problem::CommandProblems;
use ::rest::{Id, Problem};
use axum::extract::State;
use axum::response::Response;

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
        ("If-Match" = Option<String>, Header, description = "The revision the tenant must have now", example = "\"6\""),
        ("Idempotency-Key" = Option<String>, Header, description = "A repetition within 24 hours is answered as the first was", example = "k-1")
    ),
    responses(
        (status = 200, description = "The tenant is gone; its id may be put again", body = Deleted, example = json!({"id": "acme", "catalog_offset": "8"})),
        CommandProblems
    )
)]
pub(in crate::rest) async fn delete_tenant(
    State(api): State<Api>,
    Id(id): Id,
    terms: Terms,
) -> Result<Response, Problem> {
    let settled = api.delete::<Tenant>(&id, terms).await?;
    Ok(deleted(id, settled))
}
