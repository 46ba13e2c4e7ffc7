//! `GET /v1/skus/{id}`

use super::SkuItem;
use crate::rest::Api;
use crate::rest::answer::ReadParams;
use ::rest::etag::{self, IfNoneMatch};
use ::rest::problem::QueryProblems;
use ::rest::{Id, Params, Problem};
use axum::extract::State;
use axum::response::Response;
use domain::id::SkuId;

/// A SKU
#[utoipa::path(
    get,
    path = "/v1/skus/{id}",
    operation_id = "getSku",
    tag = "skus",
    params(("id" = String, Path, example = "llm.input"), ReadParams),
    responses(
        (status = 200, description = "The SKU; its `ETag` is its revision", body = SkuItem, example = json!({"id": "llm.input", "unit": "token", "description": "Tokens read", "service_category": "AI and Machine Learning", "dimensions": ["region"], "aggregation": "sum", "catalog_offset": "7"})),
        (status = 304, description = "The client has this revision"),
        QueryProblems
    )
)]
pub(in crate::rest) async fn get_sku(
    State(api): State<Api>,
    Id(id): Id,
    params: Params<ReadParams>,
    known: IfNoneMatch,
) -> Result<Response, Problem> {
    let id = SkuId::parse(&id)?;
    let state = api.state(params.value.catalog_offset).await?;
    let sku = state.skus().find(&id).ok_or_else(|| Problem::not_found(format!("SKU {id}")))?;
    Ok(etag::revision(&known, sku.revision, &SkuItem::new(&id, &sku.value, sku.revision)))
}
