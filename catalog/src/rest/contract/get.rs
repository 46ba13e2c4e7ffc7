//! `GET /v1/contracts/{id}`

use super::ContractItem;
use crate::rest::Api;
use crate::rest::answer::ReadParams;
use ::rest::etag::{self, IfNoneMatch};
use ::rest::problem::QueryProblems;
use ::rest::{Id, Params, Problem};
use axum::extract::State;
use axum::response::Response;
use domain::id::ContractId;

/// A contract
#[utoipa::path(
    get,
    path = "/v1/contracts/{id}",
    operation_id = "getContract",
    tag = "contracts",
    params(("id" = String, Path, example = "acme-2026"), ReadParams),
    responses(
        (status = 200, description = "The contract; its `ETag` is its revision", body = ContractItem, example = json!({"id": "acme-2026", "tenant": "acme", "plan": "llm", "start_time": "2026-01-01T00:00:00Z", "time_zone": "UTC", "catalog_offset": "7"})),
        (status = 304, description = "The client has this revision"),
        QueryProblems
    )
)]
pub(in crate::rest) async fn get_contract(
    State(api): State<Api>,
    Id(id): Id,
    params: Params<ReadParams>,
    known: IfNoneMatch,
) -> Result<Response, Problem> {
    let id = ContractId::parse(&id)?;
    let state = api.state(params.value.catalog_offset).await?;
    let contract = state.contracts().find(&id).ok_or_else(|| Problem::not_found(format!("contract {id}")))?;
    Ok(etag::revision(&known, contract.revision, &ContractItem::new(&id, &contract.value, contract.revision)))
}
