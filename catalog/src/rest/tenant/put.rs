//! `PUT /v1/tenants/{id}`

use crate::api::{Api, Terms};
use crate::form::{TenantBody, TenantItem};
use crate::resource::Tenant;
use crate::rest::answer::changed;
use ::rest::problem::CommandProblems;
use ::rest::{Body, Id, Problem};
use axum::extract::State;
use axum::response::Response;

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
        ("If-Match" = Option<String>, Header, description = "The revision the tenant must have now", example = "\"6\""),
        ("Idempotency-Key" = Option<String>, Header, description = "A repetition within 24 hours is answered as the first was", example = "k-1")
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
    terms: Terms,
    Body(body): Body<TenantBody>,
) -> Result<Response, Problem> {
    Ok(changed(&api.put::<Tenant>(&id, &body, terms).await?))
}
