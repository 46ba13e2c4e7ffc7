//! `DELETE /v1/skus/{id}`

use crate::api::{Api, Terms};
use crate::resource::Sku;
use crate::rest::answer::{Deleted, deleted};
use ::rest::problem::CommandProblems;
use ::rest::{Id, Problem};
use axum::extract::State;
use axum::response::Response;

/// Deletes a SKU
///
/// Its pulses are refused with `UNKNOWN_SKU` from then on; what was used stays. A SKU with a price in the newest version of
/// a plan is in use.
#[utoipa::path(
    delete,
    path = "/v1/skus/{id}",
    operation_id = "deleteSku",
    tag = "skus",
    params(
        ("id" = String, Path, example = "llm.input"),
        ("If-Match" = Option<String>, Header, description = "The revision the SKU must have now", example = "\"6\""),
        ("Idempotency-Key" = Option<String>, Header, description = "A repetition within 24 hours is answered as the first was", example = "k-1")
    ),
    responses(
        (status = 200, description = "The SKU is gone; its id may be put again", body = Deleted, example = json!({"id": "llm.input", "catalog_offset": "8"})),
        CommandProblems
    )
)]
pub(in crate::rest) async fn delete_sku(
    State(api): State<Api>,
    Id(id): Id,
    terms: Terms,
) -> Result<Response, Problem> {
    let settled = api.delete::<Sku>(&id, terms).await?;
    Ok(deleted(id, settled))
}
