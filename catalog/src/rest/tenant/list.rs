//! `GET /v1/tenants`

use super::TenantItem;
use crate::rest::Api;
use crate::rest::answer::CatalogMeta;
use crate::rest::list::{ListParams, Page};
use ::rest::problem::QueryProblems;
use ::rest::{Count, Params, Problem};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// A page of tenants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(in crate::rest) struct TenantPage {
    /// By rising id; deleted ones are left out.
    items: Vec<TenantItem>,
    /// How much this answer knows.
    meta: CatalogMeta,
    /// Leads to the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// Tenants
#[utoipa::path(
    get,
    path = "/v1/tenants",
    operation_id = "listTenants",
    tag = "tenants",
    params(ListParams),
    responses(
        (status = 200, description = "A page of tenants", body = TenantPage, example = json!({
            "items": [{"id": "acme", "name": "Acme Ltd", "status": "active", "catalog_offset": "7"}],
            "meta": {"catalog_offset": "7"}
        })),
        QueryProblems
    )
)]
pub(in crate::rest) async fn list_tenants(
    State(api): State<Api>,
    params: Params<ListParams>,
) -> Result<Json<TenantPage>, Problem> {
    let state = api.state(params.value.catalog_offset).await?;
    let all = state.tenants().live();
    let all = all.map(|(id, tenant)| (id.to_string(), TenantItem::new(id, &tenant.value, tenant.revision)));
    let Page { items, next_page_token } = api.page(&params, all)?;
    let meta = CatalogMeta { catalog_offset: Count(state.offset()) };
    Ok(Json(TenantPage { items, meta, next_page_token }))
}
