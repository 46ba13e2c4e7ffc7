//! `DELETE /v1/contracts/{id}`

use crate::command::Change;
use crate::resource::ResourceName;
use crate::rest::Api;
use crate::rest::answer::{Deleted, deleted};
use ::rest::etag::IfMatch;
use ::rest::problem::CommandProblems;
use ::rest::{Id, Problem};
use axum::extract::State;
use axum::response::Response;
use domain::id::ContractId;

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
        ("If-Match" = Option<String>, Header, description = "The revision the contract must have now", example = "\"6\"")
    ),
    responses(
        (status = 200, description = "The contract is gone; its id may be put again", body = Deleted, example = json!({"id": "acme-2026", "catalog_offset": "8"})),
        CommandProblems
    )
)]
pub(in crate::rest) async fn delete_contract(
    State(api): State<Api>,
    Id(id): Id,
    condition: IfMatch,
) -> Result<Response, Problem> {
    let id = ContractId::parse(&id)?;
    let revision = api.catalog.state().contracts().find(&id).map(|contract| contract.revision);
    let settled = api.change(condition, revision, Change::Delete(ResourceName::Contract(id.clone()))).await?;
    Ok(deleted(&id, settled.revision))
}
