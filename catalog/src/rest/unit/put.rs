//! `PUT /v1/units/{id}`

use crate::api::{Api, Terms};
use crate::form::{UnitBody, UnitItem};
use crate::rest::answer::changed;
use ::rest::problem::CommandProblems;
use ::rest::{Body, Id, Problem};
use axum::extract::State;
use axum::response::Response;
use domain::unit::Unit;

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
        ("If-Match" = Option<String>, Header, description = "The revision the unit must have now", example = "\"6\""),
        ("Idempotency-Key" = Option<String>, Header, description = "A repetition within 24 hours is answered as the first was", example = "k-1")
    ),
    request_body(content = UnitBody, example = json!({"dimension": "data", "factor": "4096/1"})),
    responses(
        (status = 200, description = "The unit as it is now; its `ETag` is its revision", body = UnitItem, example = json!({"id": "page", "dimension": "data", "factor": "4096", "built_in": false, "catalog_offset": "7"})),
        CommandProblems
    )
)]
pub(in crate::rest) async fn put_unit(
    State(api): State<Api>,
    Id(id): Id,
    terms: Terms,
    Body(body): Body<UnitBody>,
) -> Result<Response, Problem> {
    Ok(changed(&api.put::<Unit>(&id, &body, terms).await?))
}
