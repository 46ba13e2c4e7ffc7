//! `GET /v1/plans`

use crate::rest::Api;
use crate::rest::answer::{CatalogMeta, offset_after};
use crate::rest::list::{ListParams, Page};
use crate::state::PublishedPlan;
use ::rest::problem::QueryProblems;
use ::rest::{Count, Params, Problem};
use axum::Json;
use axum::extract::State;
use domain::id::PlanId;
use serde::Serialize;
use utoipa::ToSchema;

/// A plan and its newest version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(in crate::rest) struct PlanItem {
    id: String,
    /// ISO 4217, of the newest version.
    currency: String,
    /// The number of the version published last.
    newest_version: u32,
    /// Name it in a later read to see this or newer.
    catalog_offset: Count,
}

/// A page of plans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(in crate::rest) struct PlanPage {
    /// By rising id.
    items: Vec<PlanItem>,
    /// How much this answer knows.
    meta: CatalogMeta,
    /// Leads to the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// Price plans
#[utoipa::path(
    get,
    path = "/v1/plans",
    operation_id = "listPlans",
    tag = "plans",
    params(ListParams),
    responses(
        (status = 200, description = "A page of plans", body = PlanPage, example = json!({
            "items": [{"id": "llm", "currency": "USD", "newest_version": 2, "catalog_offset": "7"}],
            "meta": {"catalog_offset": "9"}
        })),
        QueryProblems
    )
)]
pub(in crate::rest) async fn list_plans(
    State(api): State<Api>,
    params: Params<ListParams>,
) -> Result<Json<PlanPage>, Problem> {
    let state = api.state(params.value.catalog_offset).await?;
    let all = state.plans().map(|(id, plan)| (id.to_string(), item(id, plan)));
    let Page { items, next_page_token } = api.page(&params, all)?;
    let meta = CatalogMeta { catalog_offset: Count(state.offset()) };
    Ok(Json(PlanPage { items, meta, next_page_token }))
}

fn item(id: &PlanId, plan: &PublishedPlan) -> PlanItem {
    let newest = plan.newest();
    PlanItem {
        id: id.to_string(),
        currency: newest.version.plan.currency().to_string(),
        newest_version: newest.version.number,
        catalog_offset: offset_after(newest.revision),
    }
}
