//! `GET /v1/units`

use crate::api::{Api, Page};
use crate::form::UnitItem;
use crate::rest::answer::listed;
use crate::rest::ask::{ListParams, part};
use ::rest::problem::QueryProblems;
use ::rest::{Client, Params, Problem};
use axum::extract::State;
use axum::response::Response;
use domain::unit::Unit;

/// The columns of a table.
const COLUMNS: [&str; 5] = ["id", "dimension", "factor", "built_in", "catalog_offset"];

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
        (status = 200, description = "A page of units", content(
            (Page<UnitItem> = "application/json", example = json!({
            "items": [{"id": "page", "dimension": "data", "factor": "4096", "built_in": false, "catalog_offset": "7"}],
            "meta": {"catalog_offset": "7"}
        })),
            (String = "text/csv"),
            (String = "application/x-ndjson")
        )),
        (status = 304, description = "The client has this answer"),
        QueryProblems
    )
)]
pub(in crate::rest) async fn list_units(
    State(api): State<Api>,
    params: Params<ListParams>,
    client: Client,
) -> Result<Response, Problem> {
    listed(&api.list::<Unit>(part(&params), params.value.when()).await?, &client, &COLUMNS)
}
