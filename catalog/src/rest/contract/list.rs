//! `GET /v1/contracts`

use crate::api::{Api, Page};
use crate::form::ContractItem;
use crate::resource::Contract;
use crate::rest::answer::listed;
use crate::rest::ask::{ListParams, part};
use ::rest::problem::QueryProblems;
use ::rest::{Client, Params, Problem};
use axum::extract::State;
use axum::response::Response;

/// The columns of a table.
const COLUMNS: [&str; 8] =
    ["id", "tenant", "plan", "plan_version", "start_time", "end_time", "time_zone", "catalog_offset"];

/// Contracts
#[utoipa::path(
    get,
    path = "/v1/contracts",
    operation_id = "listContracts",
    tag = "contracts",
    params(ListParams),
    responses(
        (status = 200, description = "A page of contracts", content(
            (Page<ContractItem> = "application/json", example = json!({
            "items": [{"id": "acme-2026", "tenant": "acme", "plan": "llm", "start_time": "2026-01-01T00:00:00Z", "time_zone": "UTC", "catalog_offset": "7"}],
            "meta": {"catalog_offset": "7"}
        })),
            (String = "text/csv"),
            (String = "application/x-ndjson")
        )),
        (status = 304, description = "The client has this answer"),
        QueryProblems
    )
)]
pub(in crate::rest) async fn list_contracts(
    State(api): State<Api>,
    params: Params<ListParams>,
    client: Client,
) -> Result<Response, Problem> {
    listed(&api.list::<Contract>(part(&params), params.value.when()).await?, &client, &COLUMNS)
}
