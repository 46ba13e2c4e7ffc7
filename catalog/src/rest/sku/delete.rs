//! `DELETE /v1/skus/{id}`

use crate::command::Change;
use crate::resource::ResourceName;
use crate::rest::Api;
use crate::rest::answer::{Deleted, deleted};
use ::rest::etag::IfMatch;
use ::rest::problem::CommandProblems;
use ::rest::{Id, Problem};
use axum::extract::State;
use axum::response::Response;
use domain::id::SkuId;

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
        ("If-Match" = Option<String>, Header, description = "The revision the SKU must have now", example = "\"6\"")
    ),
    responses(
        (status = 200, description = "The SKU is gone; its id may be put again", body = Deleted, example = json!({"id": "llm.input", "catalog_offset": "8"})),
        CommandProblems
    )
)]
pub(in crate::rest) async fn delete_sku(
    State(api): State<Api>,
    Id(id): Id,
    condition: IfMatch,
) -> Result<Response, Problem> {
    let id = SkuId::parse(&id)?;
    let revision = api.catalog.state().skus().find(&id).map(|sku| sku.revision);
    let settled = api.change(condition, revision, Change::Delete(ResourceName::Sku(id.clone()))).await?;
    Ok(deleted(&id, settled.revision))
}
