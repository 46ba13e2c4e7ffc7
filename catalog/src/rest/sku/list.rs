//! `GET /v1/skus`

use super::SkuItem;
use crate::rest::Api;
use crate::rest::answer::CatalogMeta;
use crate::rest::list::{ListParams, Page};
use ::rest::problem::QueryProblems;
use ::rest::{Count, Params, Problem};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// A page of skus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(in crate::rest) struct SkuPage {
    /// By rising id; deleted ones are left out.
    items: Vec<SkuItem>,
    /// How much this answer knows.
    meta: CatalogMeta,
    /// Leads to the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// SKUs
#[utoipa::path(
    get,
    path = "/v1/skus",
    operation_id = "listSkus",
    tag = "skus",
    params(ListParams),
    responses(
        (status = 200, description = "A page of skus", body = SkuPage, example = json!({
            "items": [{"id": "llm.input", "unit": "token", "description": "Tokens read", "service_category": "AI and Machine Learning", "dimensions": ["region"], "aggregation": "sum", "catalog_offset": "7"}],
            "meta": {"catalog_offset": "7"}
        })),
        QueryProblems
    )
)]
pub(in crate::rest) async fn list_skus(
    State(api): State<Api>,
    params: Params<ListParams>,
) -> Result<Json<SkuPage>, Problem> {
    let state = api.state(params.value.catalog_offset).await?;
    let all = state.skus().live();
    let all = all.map(|(id, sku)| (id.to_string(), SkuItem::new(id, &sku.value, sku.revision)));
    let Page { items, next_page_token } = api.page(&params, all)?;
    let meta = CatalogMeta { catalog_offset: Count(state.offset()) };
    Ok(Json(SkuPage { items, meta, next_page_token }))
}
