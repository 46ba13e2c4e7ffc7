//! `DELETE /v1/units/{id}`

use crate::command::Change;
use crate::resource::ResourceName;
use crate::rest::Api;
use crate::rest::answer::{Deleted, deleted};
use ::rest::etag::IfMatch;
use ::rest::problem::CommandProblems;
use ::rest::{Id, Problem};
use axum::extract::State;
use axum::response::Response;
use domain::id::UnitId;

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
        ("If-Match" = Option<String>, Header, description = "The revision the unit must have now", example = "\"6\"")
    ),
    responses(
        (status = 200, description = "The unit is gone; its id may be put again", body = Deleted, example = json!({"id": "page", "catalog_offset": "8"})),
        CommandProblems
    )
)]
pub(in crate::rest) async fn delete_unit(
    State(api): State<Api>,
    Id(id): Id,
    condition: IfMatch,
) -> Result<Response, Problem> {
    let id = UnitId::parse(&id)?;
    let revision = api.catalog.state().units().find(&id).map(|unit| unit.revision);
    let settled = api.change(condition, revision, Change::Delete(ResourceName::Unit(id.clone()))).await?;
    Ok(deleted(&id, settled.revision))
}
