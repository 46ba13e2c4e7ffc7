//! `GET /v1/units`

use super::UnitItem;
use crate::rest::Api;
use crate::rest::answer::CatalogMeta;
use crate::rest::list::{ListParams, Page};
use ::rest::problem::QueryProblems;
use ::rest::{Count, Params, Problem};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// A page of units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(in crate::rest) struct UnitPage {
    /// By rising id; deleted ones are left out.
    items: Vec<UnitItem>,
    /// How much this answer knows.
    meta: CatalogMeta,
    /// Leads to the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// Units beside the built-in ones
#[utoipa::path(
    get,
    path = "/v1/units",
    operation_id = "listUnits",
    tag = "units",
    params(ListParams),
    responses(
        (status = 200, description = "A page of units", body = UnitPage, example = json!({
            "items": [{"id": "page", "dimension": "data", "factor": "4096", "catalog_offset": "7"}],
            "meta": {"catalog_offset": "7"}
        })),
        QueryProblems
    )
)]
pub(in crate::rest) async fn list_units(
    State(api): State<Api>,
    params: Params<ListParams>,
) -> Result<Json<UnitPage>, Problem> {
    let state = api.state(params.value.catalog_offset).await?;
    let all = state.units().live();
    let all = all.map(|(id, unit)| (id.to_string(), UnitItem::new(id, &unit.value, unit.revision)));
    let Page { items, next_page_token } = api.page(&params, all)?;
    let meta = CatalogMeta { catalog_offset: Count(state.offset()) };
    Ok(Json(UnitPage { items, meta, next_page_token }))
}
