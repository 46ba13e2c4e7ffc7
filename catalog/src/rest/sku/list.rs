//! `GET /v1/skus`

use crate::api::{Api, Page};
use crate::form::SkuItem;
use crate::resource::Sku;
use crate::rest::answer::listed;
use crate::rest::ask::{ListParams, part};
use ::rest::problem::QueryProblems;
use ::rest::{Client, Params, Problem};
use axum::extract::State;
use axum::response::Response;

/// The columns of a table.
const COLUMNS: [&str; 7] =
    ["id", "unit", "description", "service_category", "dimensions", "aggregation", "catalog_offset"];

/// SKUs
#[utoipa::path(
    get,
    path = "/v1/skus",
    operation_id = "listSkus",
    tag = "skus",
    params(ListParams),
    responses(
        (status = 200, description = "A page of skus", content(
            (Page<SkuItem> = "application/json", example = json!({
            "items": [{"id": "llm.input", "unit": "token", "description": "Tokens read", "service_category": "AI and Machine Learning", "dimensions": ["region"], "aggregation": "sum", "catalog_offset": "7"}],
            "meta": {"catalog_offset": "7"}
        })),
            (String = "text/csv"),
            (String = "application/x-ndjson")
        )),
        (status = 304, description = "The client has this answer"),
        QueryProblems
    )
)]
pub(in crate::rest) async fn list_skus(
    State(api): State<Api>,
    params: Params<ListParams>,
    client: Client,
) -> Result<Response, Problem> {
    listed(&api.list::<Sku>(part(&params), params.value.when()).await?, &client, &COLUMNS)
}
