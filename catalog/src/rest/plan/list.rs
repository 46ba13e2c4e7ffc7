//! `GET /v1/plans`

use crate::api::{Api, Page};
use crate::form::PlanItem;
use crate::rest::answer::listed;
use crate::rest::ask::{ListParams, part};
use crate::state::PublishedPlan;
use ::rest::problem::QueryProblems;
use ::rest::{Client, Params, Problem};
use axum::extract::State;
use axum::response::Response;

/// The columns of a table.
const COLUMNS: [&str; 4] = ["id", "currency", "newest_version", "catalog_offset"];

/// Price plans
#[utoipa::path(
    get,
    path = "/v1/plans",
    operation_id = "listPlans",
    tag = "plans",
    params(ListParams),
    responses(
        (status = 200, description = "A page of plans", content(
            (Page<PlanItem> = "application/json", example = json!({
            "items": [{"id": "llm", "currency": "USD", "newest_version": 2, "catalog_offset": "7"}],
            "meta": {"catalog_offset": "9"}
        })),
            (String = "text/csv"),
            (String = "application/x-ndjson")
        )),
        (status = 304, description = "The client has this answer"),
        QueryProblems
    )
)]
pub(in crate::rest) async fn list_plans(
    State(api): State<Api>,
    params: Params<ListParams>,
    client: Client,
) -> Result<Response, Problem> {
    listed(&api.list::<PublishedPlan>(part(&params), params.value.when()).await?, &client, &COLUMNS)
}
