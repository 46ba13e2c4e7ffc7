//! `PUT /v1/units/{id}`

use super::{UnitBody, UnitItem};
use crate::command::Change;
use crate::rest::Api;
use crate::rest::answer::changed;
use ::rest::etag::IfMatch;
use ::rest::problem::CommandProblems;
use ::rest::{Body, Id, Problem};
use axum::extract::State;
use axum::response::Response;
use domain::id::UnitId;

/// Puts a unit
///
/// What it measures never changes; built-in units stay as they are. Products such as `GB.s` need not be put.
#[utoipa::path(
    put,
    path = "/v1/units/{id}",
    operation_id = "putUnit",
    tag = "units",
    params(
        ("id" = String, Path, example = "page"),
        ("If-Match" = Option<String>, Header, description = "The revision the unit must have now", example = "\"6\"")
    ),
    request_body(content = UnitBody, example = json!({"dimension": "data", "factor": "4096/1"})),
    responses(
        (status = 200, description = "The unit as it is now; its `ETag` is its revision", body = UnitItem, example = json!({"id": "page", "dimension": "data", "factor": "4096", "catalog_offset": "7"})),
        CommandProblems
    )
)]
pub(in crate::rest) async fn put_unit(
    State(api): State<Api>,
    Id(id): Id,
    condition: IfMatch,
    Body(body): Body<UnitBody>,
) -> Result<Response, Problem> {
    let id = UnitId::parse(&id)?;
    let unit = body.parse()?;
    let revision = api.catalog.state().units().find(&id).map(|unit| unit.revision);
    let settled = api.change(condition, revision, Change::PutUnit(id.clone(), unit.clone())).await?;
    Ok(changed(settled.revision, &UnitItem::new(&id, &unit, settled.revision)))
}
