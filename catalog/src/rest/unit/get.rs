//! `GET /v1/units/{id}`

use super::UnitItem;
use crate::rest::Api;
use crate::rest::answer::ReadParams;
use ::rest::etag::{self, IfNoneMatch};
use ::rest::problem::QueryProblems;
use ::rest::{Id, Params, Problem};
use axum::extract::State;
use axum::response::Response;
use domain::id::UnitId;

/// A unit
#[utoipa::path(
    get,
    path = "/v1/units/{id}",
    operation_id = "getUnit",
    tag = "units",
    params(("id" = String, Path, example = "page"), ReadParams),
    responses(
        (status = 200, description = "The unit; its `ETag` is its revision", body = UnitItem, example = json!({"id": "page", "dimension": "data", "factor": "4096", "catalog_offset": "7"})),
        (status = 304, description = "The client has this revision"),
        QueryProblems
    )
)]
pub(in crate::rest) async fn get_unit(
    State(api): State<Api>,
    Id(id): Id,
    params: Params<ReadParams>,
    known: IfNoneMatch,
) -> Result<Response, Problem> {
    let id = UnitId::parse(&id)?;
    let state = api.state(params.value.catalog_offset).await?;
    let unit = state.units().find(&id).ok_or_else(|| Problem::not_found(format!("unit {id}")))?;
    Ok(etag::revision(&known, unit.revision, &UnitItem::new(&id, &unit.value, unit.revision)))
}
