//! `GET /v1/plans`

use crate::api::{Api, Page};
use crate::form::PlanItem;
use crate::rest::answer::listed;
use crate::rest::ask::{ListParams, part};
use crate::state::PublishedPlan;
use ::rest::problem::QueryProblems;
use ::rest::{Params, Problem};
use axum::extract::State;
use axum::response::Response;

/// Price plans
#[utoipa::path(
    get,
    path = "/v1/plans",
    operation_id = "listPlans",
    tag = "plans",
    params(ListParams),
    responses(
        (status = 200, description = "A page of plans", body = Page<PlanItem>, example = json!({
            "items": [{"id": "llm", "currency": "USD", "newest_version": 2, "catalog_offset": "7"}],
            "meta": {"catalog_offset": "9"}
        })),
        QueryProblems
    )
)]
pub(in crate::rest) async fn list_plans(
    State(api): State<Api>,
    params: Params<ListParams>,
) -> Result<Response, Problem> {
    Ok(listed(api.list::<PublishedPlan>(part(&params), params.value.when()).await?))
}
