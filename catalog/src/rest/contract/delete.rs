//! `DELETE /v1/contracts/{id}`

use crate::api::{Api, Terms};
use crate::resource::Contract;
use crate::rest::answer::{Deleted, deleted};
use ::rest::problem::CommandProblems;
use ::rest::{Id, Problem};
use axum::extract::State;
use axum::response::Response;

/// Deletes a contract
///
/// What it priced has no price any more, in every month that is not closed.
#[utoipa::path(
    delete,
    path = "/v1/contracts/{id}",
    operation_id = "deleteContract",
    tag = "contracts",
    params(
        ("id" = String, Path, example = "acme-2026"),
        ("If-Match" = Option<String>, Header, description = "The revision the contract must have now", example = "\"6\""),
        ("Idempotency-Key" = Option<String>, Header, description = "A repetition within 24 hours is answered as the first was", example = "k-1")
    ),
    responses(
        (status = 200, description = "The contract is gone; its id may be put again", body = Deleted, example = json!({"id": "acme-2026", "catalog_offset": "8"})),
        CommandProblems
    )
)]
pub(in crate::rest) async fn delete_contract(
    State(api): State<Api>,
    Id(id): Id,
    terms: Terms,
) -> Result<Response, Problem> {
    let settled = api.delete::<Contract>(&id, terms).await?;
    Ok(deleted(id, settled))
}
