//! `GET /v1/skus/{id}`

use crate::api::Api;
use crate::form::SkuItem;
use crate::resource::Sku;
use crate::rest::answer::found;
use crate::rest::ask::ReadParams;
use ::rest::etag::IfNoneMatch;
use ::rest::problem::QueryProblems;
use ::rest::{Id, Params, Problem};
use axum::extract::State;
use axum::response::Response;

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
    Ok(found(&known, &api.find::<Sku>(&id, params.value.when()).await?))
}
