//! `GET /v1/contracts`

use super::ContractItem;
use crate::rest::Api;
use crate::rest::answer::CatalogMeta;
use crate::rest::list::{ListParams, Page};
use ::rest::problem::QueryProblems;
use ::rest::{Count, Params, Problem};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// A page of contracts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(in crate::rest) struct ContractPage {
    /// By rising id; deleted ones are left out.
    items: Vec<ContractItem>,
    /// How much this answer knows.
    meta: CatalogMeta,
    /// Leads to the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// Contracts
#[utoipa::path(
    get,
    path = "/v1/contracts",
    operation_id = "listContracts",
    tag = "contracts",
    params(ListParams),
    responses(
        (status = 200, description = "A page of contracts", body = ContractPage, example = json!({
            "items": [{"id": "acme-2026", "tenant": "acme", "plan": "llm", "start_time": "2026-01-01T00:00:00Z", "time_zone": "UTC", "catalog_offset": "7"}],
            "meta": {"catalog_offset": "7"}
        })),
        QueryProblems
    )
)]
pub(in crate::rest) async fn list_contracts(
    State(api): State<Api>,
    params: Params<ListParams>,
) -> Result<Json<ContractPage>, Problem> {
    let state = api.state(params.value.catalog_offset).await?;
    let all = state.contracts().live();
    let all =
        all.map(|(id, contract)| (id.to_string(), ContractItem::new(id, &contract.value, contract.revision)));
    let Page { items, next_page_token } = api.page(&params, all)?;
    let meta = CatalogMeta { catalog_offset: Count(state.offset()) };
    Ok(Json(ContractPage { items, meta, next_page_token }))
}
