//! `GET /v1/skus`

use crate::api::{Api, Page};
use crate::form::SkuItem;
use crate::resource::Sku;
use crate::rest::answer::listed;
use crate::rest::ask::{ListParams, part};
use ::rest::problem::QueryProblems;
use ::rest::{Params, Problem};
use axum::extract::State;
use axum::response::Response;

/// SKUs
#[utoipa::path(
    get,
    path = "/v1/skus",
    operation_id = "listSkus",
    tag = "skus",
    params(ListParams),
    responses(
        (status = 200, description = "A page of skus", body = Page<SkuItem>, example = json!({
            "items": [{"id": "llm.input", "unit": "token", "description": "Tokens read", "service_category": "AI and Machine Learning", "dimensions": ["region"], "aggregation": "sum", "catalog_offset": "7"}],
            "meta": {"catalog_offset": "7"}
        })),
        QueryProblems
    )
)]
pub(in crate::rest) async fn list_skus(
    State(api): State<Api>,
    params: Params<ListParams>,
) -> Result<Response, Problem> {
    Ok(listed(api.list::<Sku>(part(&params), params.value.when()).await?))
}
