//! `DELETE /v1/units/{id}`

use crate::api::{Api, Terms};
use crate::rest::answer::{Deleted, deleted};
use ::rest::problem::CommandProblems;
use ::rest::{Id, Problem};
use axum::extract::State;
use axum::response::Response;
use domain::unit::Unit;

/// Deletes a unit
///
/// Pulses in it are refused with `UNKNOWN_UNIT` from then on. A unit of a SKU or of a price is in use.
#[utoipa::path(
    delete,
    path = "/v1/units/{id}",
    operation_id = "deleteUnit",
    tag = "units",
    params(
        ("id" = String, Path, example = "page"),
        ("If-Match" = Option<String>, Header, description = "The revision the unit must have now", example = "\"6\""),
        ("Idempotency-Key" = Option<String>, Header, description = "A repetition within 24 hours is answered as the first was", example = "k-1")
    ),
    responses(
        (status = 200, description = "The unit is gone; its id may be put again", body = Deleted, example = json!({"id": "page", "catalog_offset": "8"})),
        CommandProblems
    )
)]
pub(in crate::rest) async fn delete_unit(
    State(api): State<Api>,
    Id(id): Id,
    terms: Terms,
) -> Result<Response, Problem> {
    let settled = api.delete::<Unit>(&id, terms).await?;
    Ok(deleted(id, settled))
}
