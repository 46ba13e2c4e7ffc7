//! `GET /v1/plans/{id}/versions`

use crate::api::{Api, Page};
use crate::form::PlanVersionItem;
use crate::rest::answer::listed;
use crate::rest::ask::{ListParams, part};
use ::rest::problem::QueryProblems;
use ::rest::{Id, Params, Problem};
use axum::extract::State;
use axum::response::Response;

/// Versions of a plan
#[utoipa::path(
    get,
    path = "/v1/plans/{id}/versions",
    operation_id = "listPlanVersions",
    tag = "plans",
    params(("id" = String, Path, example = "llm"), ListParams),
    responses(
        (status = 200, description = "A page of versions, by rising number", body = Page<PlanVersionItem>),
        QueryProblems
    )
)]
pub(in crate::rest) async fn list_plan_versions(
    State(api): State<Api>,
    Id(id): Id,
    params: Params<ListParams>,
) -> Result<Response, Problem> {
    Ok(listed(api.list_versions(&id, part(&params), params.value.when()).await?))
}
