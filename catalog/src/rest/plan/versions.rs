//! `GET /v1/plans/{id}/versions`

use super::PlanVersionItem;
use crate::rest::Api;
use crate::rest::answer::CatalogMeta;
use crate::rest::list::{ListParams, Page};
use ::rest::problem::QueryProblems;
use ::rest::{Count, Id, Params, Problem};
use axum::Json;
use axum::extract::State;
use domain::id::PlanId;
use serde::Serialize;
use utoipa::ToSchema;

/// A page of a plan's versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(in crate::rest) struct PlanVersionPage {
    /// By rising number.
    items: Vec<PlanVersionItem>,
    /// How much this answer knows.
    meta: CatalogMeta,
    /// Leads to the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// Versions of a plan
#[utoipa::path(
    get,
    path = "/v1/plans/{id}/versions",
    operation_id = "listPlanVersions",
    tag = "plans",
    params(("id" = String, Path, example = "llm"), ListParams),
    responses(
        (status = 200, description = "A page of versions", body = PlanVersionPage),
        QueryProblems
    )
)]
pub(in crate::rest) async fn list_plan_versions(
    State(api): State<Api>,
    Id(id): Id,
    params: Params<ListParams>,
) -> Result<Json<PlanVersionPage>, Problem> {
    let id = PlanId::parse(&id)?;
    let state = api.state(params.value.catalog_offset).await?;
    let plan = state.find_plan(&id).ok_or_else(|| Problem::not_found(format!("plan {id}")))?;
    // Ten digits, so that text sorts as numbers do.
    let key = |number: u32| format!("{number:010}");
    let all = plan.versions().iter().map(|record| (key(record.version.number), PlanVersionItem::new(record)));
    let Page { items, next_page_token } = api.page(&params, all)?;
    let meta = CatalogMeta { catalog_offset: Count(state.offset()) };
    Ok(Json(PlanVersionPage { items, meta, next_page_token }))
}
