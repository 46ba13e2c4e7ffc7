//! `GET /v1/units/{id}`

use crate::api::Api;
use crate::form::UnitItem;
use crate::rest::answer::found;
use crate::rest::ask::ReadParams;
use ::rest::etag::IfNoneMatch;
use ::rest::problem::QueryProblems;
use ::rest::{Id, Params, Problem};
use axum::extract::State;
use axum::response::Response;
use domain::unit::Unit;

/// A unit
#[utoipa::path(
    get,
    path = "/v1/units/{id}",
    operation_id = "getUnit",
    tag = "units",
    params(("id" = String, Path, example = "page"), ReadParams),
    responses(
        (status = 200, description = "The unit; its `ETag` is its revision", body = UnitItem, example = json!({"id": "page", "dimension": "data", "factor": "4096", "built_in": false, "catalog_offset": "7"})),
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
    Ok(found(&known, &api.find::<Unit>(&id, params.value.when()).await?))
}
