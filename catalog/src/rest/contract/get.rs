//! `GET /v1/contracts/{id}`

use crate::api::Api;
use crate::form::ContractItem;
use crate::resource::Contract;
use crate::rest::answer::found;
use crate::rest::ask::ReadParams;
use ::rest::etag::IfNoneMatch;
use ::rest::problem::QueryProblems;
use ::rest::{Id, Params, Problem};
use axum::extract::State;
use axum::response::Response;

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
    Ok(found(&known, &api.find::<Contract>(&id, params.value.when()).await?))
}
