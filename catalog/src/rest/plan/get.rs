//! `GET /v1/plans/{id}`

use crate::api::Api;
use crate::form::PlanItem;
use crate::rest::answer::found;
use crate::rest::ask::ReadParams;
use crate::state::PublishedPlan;
use ::rest::etag::IfNoneMatch;
use ::rest::problem::QueryProblems;
use ::rest::{Id, Params, Problem};
use axum::extract::State;
use axum::response::Response;

/// A price plan
#[utoipa::path(
    get,
    path = "/v1/plans/{id}",
    operation_id = "getPlan",
    tag = "plans",
    params(("id" = String, Path, example = "llm"), ReadParams),
    responses(
        (status = 200, description = "The plan; its `ETag` is the revision of its newest version", body = PlanItem, example = json!({"id": "llm", "currency": "USD", "newest_version": 2, "catalog_offset": "7"})),
        (status = 304, description = "The client has this revision"),
        QueryProblems
    )
)]
pub(in crate::rest) async fn get_plan(
    State(api): State<Api>,
    Id(id): Id,
    params: Params<ReadParams>,
    known: IfNoneMatch,
) -> Result<Response, Problem> {
    Ok(found(&known, &api.find::<PublishedPlan>(&id, params.value.when()).await?))
}
