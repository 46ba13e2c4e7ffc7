//! The catalogue's resources over HTTP: one file per endpoint, what they share here.

mod answer;
mod ask;
mod contract;
mod plan;
mod sku;
mod tenant;
#[cfg(test)]
mod tests;
mod unit;

use crate::api::Api;
use crate::catalog::Catalog;
use ::rest::page::PageKey;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

#[derive(OpenApi)]
#[openapi(tags(
    (name = "tenants", description = "Who pays"),
    (name = "skus", description = "What can be used, and in which unit it is measured"),
    (name = "units", description = "What quantities are counted in, and how they convert"),
    (name = "plans", description = "What usage costs: versioned price plans"),
    (name = "contracts", description = "Which tenant pays by which plan, and when")
))]
struct Tags;

/// The resources with their description. The key signs page tokens and is the same for all replicas.
pub fn routes(catalog: Catalog, page_key: PageKey) -> OpenApiRouter {
    ::rest::door::open()
        .merge(OpenApiRouter::with_openapi(Tags::openapi()))
        .routes(routes!(tenant::list::list_tenants))
        .routes(routes!(tenant::get::get_tenant, tenant::put::put_tenant, tenant::delete::delete_tenant))
        .routes(routes!(sku::list::list_skus))
        .routes(routes!(sku::get::get_sku, sku::put::put_sku, sku::delete::delete_sku))
        .routes(routes!(unit::list::list_units))
        .routes(routes!(unit::get::get_unit, unit::put::put_unit, unit::delete::delete_unit))
        .routes(routes!(plan::list::list_plans))
        .routes(routes!(plan::get::get_plan))
        .routes(routes!(plan::versions::list_plan_versions, plan::publish::publish_plan_version))
        .routes(routes!(plan::version::get_plan_version))
        .routes(routes!(contract::list::list_contracts))
        .routes(routes!(
            contract::get::get_contract,
            contract::put::put_contract,
            contract::delete::delete_contract
        ))
        .with_state(Api { catalog, page_key })
}
