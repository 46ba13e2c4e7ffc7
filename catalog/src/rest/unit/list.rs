//! `GET /v1/units`

use crate::api::{Api, Page};
use crate::form::UnitItem;
use crate::rest::answer::listed;
use crate::rest::ask::{ListParams, part};
use ::rest::problem::QueryProblems;
use ::rest::{Params, Problem};
use axum::extract::State;
use axum::response::Response;
use domain::unit::Unit;

/// Units
///
/// Built-in ones are among them; products of units such as `GB.s` are not, and need not be.
#[utoipa::path(
    get,
    path = "/v1/units",
    operation_id = "listUnits",
    tag = "units",
    params(ListParams),
    responses(
        (status = 200, description = "A page of units", body = Page<UnitItem>, example = json!({
            "items": [{"id": "page", "dimension": "data", "factor": "4096", "built_in": false, "catalog_offset": "7"}],
            "meta": {"catalog_offset": "7"}
        })),
        QueryProblems
    )
)]
pub(in crate::rest) async fn list_units(
    State(api): State<Api>,
    params: Params<ListParams>,
) -> Result<Response, Problem> {
    Ok(listed(api.list::<Unit>(part(&params), params.value.when()).await?))
}
