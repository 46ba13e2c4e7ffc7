//! `PUT /v1/contracts/{id}`

use crate::api::{Api, Terms};
use crate::form::{ContractBody, ContractItem};
use crate::resource::Contract;
use crate::rest::answer::changed;
use ::rest::problem::CommandProblems;
use ::rest::{Body, Id, Problem};
use axum::extract::State;
use axum::response::Response;

/// Puts a contract
///
/// Contracts of a tenant share one time zone and may not overlap. Without `plan_version` the version in effect holds.
#[utoipa::path(
    put,
    path = "/v1/contracts/{id}",
    operation_id = "putContract",
    tag = "contracts",
    params(
        ("id" = String, Path, example = "acme-2026"),
        ("If-Match" = Option<String>, Header, description = "The revision the contract must have now", example = "\"6\""),
        ("Idempotency-Key" = Option<String>, Header, description = "A repetition within 24 hours is answered as the first was", example = "k-1")
    ),
    request_body(content = ContractBody, example = json!({"tenant": "acme", "plan": "llm", "start_time": "2026-01-01T00:00:00Z", "time_zone": "UTC"})),
    responses(
        (status = 200, description = "The contract as it is now; its `ETag` is its revision", body = ContractItem, example = json!({"id": "acme-2026", "tenant": "acme", "plan": "llm", "start_time": "2026-01-01T00:00:00Z", "time_zone": "UTC", "catalog_offset": "7"})),
        CommandProblems
    )
)]
pub(in crate::rest) async fn put_contract(
    State(api): State<Api>,
    Id(id): Id,
    terms: Terms,
    Body(body): Body<ContractBody>,
) -> Result<Response, Problem> {
    Ok(changed(&api.put::<Contract>(&id, &body, terms).await?))
}
