//! `PUT /v1/skus/{id}`

use crate::api::{Api, Terms};
use crate::form::{SkuBody, SkuItem};
use crate::resource::Sku;
use crate::rest::answer::changed;
use ::rest::problem::CommandProblems;
use ::rest::{Body, Id, Problem};
use axum::extract::State;
use axum::response::Response;

/// Puts a SKU
///
/// The dimension of its unit and its aggregation never change. Other dimensions to group by hold for pulses from then on.
#[utoipa::path(
    put,
    path = "/v1/skus/{id}",
    operation_id = "putSku",
    tag = "skus",
    params(
        ("id" = String, Path, example = "llm.input"),
        ("If-Match" = Option<String>, Header, description = "The revision the SKU must have now", example = "\"6\""),
        ("Idempotency-Key" = Option<String>, Header, description = "A repetition within 24 hours is answered as the first was", example = "k-1")
    ),
    request_body(content = SkuBody, example = json!({"unit": "token", "description": "Tokens read", "service_category": "AI and Machine Learning", "dimensions": ["region"], "aggregation": "sum"})),
    responses(
        (status = 200, description = "The SKU as it is now; its `ETag` is its revision", body = SkuItem, example = json!({"id": "llm.input", "unit": "token", "description": "Tokens read", "service_category": "AI and Machine Learning", "dimensions": ["region"], "aggregation": "sum", "catalog_offset": "7"})),
        CommandProblems
    )
)]
pub(in crate::rest) async fn put_sku(
    State(api): State<Api>,
    Id(id): Id,
    terms: Terms,
    Body(body): Body<SkuBody>,
) -> Result<Response, Problem> {
    Ok(changed(&api.put::<Sku>(&id, &body, terms).await?))
}
