//! `GET /v1/plans/{id}/versions`

use super::example;
use crate::api::{Api, Page};
use crate::form::PlanVersionItem;
use crate::rest::answer::listed;
use crate::rest::ask::{ListParams, part};
use ::rest::problem::QueryProblems;
use ::rest::{Client, Id, Params, Problem};
use axum::extract::State;
use axum::response::Response;

/// The columns of a table.
const COLUMNS: [&str; 5] = ["plan", "version", "published_time", "document", "catalog_offset"];

/// Versions of a plan
#[utoipa::path(
    get,
    path = "/v1/plans/{id}/versions",
    operation_id = "listPlanVersions",
    tag = "plans",
    params(("id" = String, Path, example = "llm"), ListParams),
    responses(
        (status = 200, description = "A page of versions, by rising number", content(
            (Page<PlanVersionItem> = "application/json", example = json!({
                "items": [example::version()], "meta": {"catalog_offset": "7"}
            })),
            (String = "text/csv"),
            (String = "application/x-ndjson")
        )),
        (status = 304, description = "The client has this answer"),
        QueryProblems
    )
)]
pub(in crate::rest) async fn list_plan_versions(
    State(api): State<Api>,
    Id(id): Id,
    params: Params<ListParams>,
    client: Client,
) -> Result<Response, Problem> {
    listed(&api.list_versions(&id, part(&params), params.value.when()).await?, &client, &COLUMNS)
}
