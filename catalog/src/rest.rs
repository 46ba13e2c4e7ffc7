//! The catalogue's resources over HTTP: one file per endpoint, what they share here.

mod answer;
mod contract;
mod idempotency_key;
mod list;
mod plan;
mod sku;
mod tenant;
#[cfg(test)]
mod tests;
mod unit;

use crate::catalog::{Catalog, CatalogError, Wish};
use crate::command::Change;
use crate::fold::Settled;
use crate::state::State;
use crate::view::ViewError;
use ::rest::Problem;
use ::rest::etag::IfMatch;
use ::rest::page::PageKey;
use domain::code::Code;
use idempotency_key::IdempotencyKey;
use std::sync::Arc;
use std::time::Duration;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Nobody is known by name as long as no credential is asked for.
const AUTHOR: &str = "anonymous";
/// The longest a request waits for the catalogue offset it names.
const OFFSET_WAIT_MAX: Duration = Duration::from_secs(1);

/// The resources with their description. The key signs page tokens and is the same for all replicas.
pub fn routes(catalog: Catalog, page_key: PageKey) -> OpenApiRouter {
    ::rest::door::open()
        .routes(routes!(tenant::list::list_tenants))
        .routes(routes!(tenant::get::get_tenant, tenant::put::put_tenant, tenant::delete::delete_tenant))
        .routes(routes!(sku::list::list_skus))
        .routes(routes!(sku::get::get_sku, sku::put::put_sku, sku::delete::delete_sku))
        .routes(routes!(unit::list::list_units))
        .routes(routes!(unit::get::get_unit, unit::put::put_unit, unit::delete::delete_unit))
        .routes(routes!(plan::list::list_plans))
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

/// What every endpoint works with.
#[derive(Clone)]
struct Api {
    catalog: Catalog,
    page_key: PageKey,
}

impl Api {
    /// The catalogue, at least as new as the request names.
    async fn state(&self, least: Option<u64>) -> Result<Arc<State>, Problem> {
        let Some(offset) = least else { return Ok(self.catalog.state()) };
        let state = tokio::time::timeout(OFFSET_WAIT_MAX, self.catalog.view().at_least(offset)).await;
        let late = |_| Problem::new(Code::Unavailable, format!("catalog_offset {offset} is not reached yet"));
        Ok(state.map_err(late)??)
    }

    /// Submits a change of a resource that has that revision now, as far as is known here.
    async fn change(
        &self,
        condition: IfMatch,
        revision: Option<u64>,
        change: Change,
    ) -> Result<Settled, Problem> {
        let expected_revision = match (condition, revision) {
            (IfMatch::Absent, _) => None,
            (IfMatch::Revision(expected), _) => Some(expected),
            (IfMatch::Exists, Some(revision)) => Some(revision),
            (IfMatch::Exists, None) => {
                return Err(Problem::new(Code::RevisionMismatch, "the resource does not exist"));
            }
        };
        let wish = Wish { author: AUTHOR.to_owned(), idempotency_key: None, expected_revision, change };
        Ok(self.catalog.submit(wish).await??)
    }

    /// Submits a change that may be repeated under a key.
    async fn post(&self, key: Option<IdempotencyKey>, change: Change) -> Result<Settled, Problem> {
        let idempotency_key = key.map(IdempotencyKey::into_text);
        let wish = Wish { author: AUTHOR.to_owned(), idempotency_key, expected_revision: None, change };
        Ok(self.catalog.submit(wish).await??)
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::View(error) => error.into(),
            CatalogError::UnknownOutcome(_) => Self::new(Code::Unavailable, error.to_string()),
        }
    }
}

impl From<ViewError> for Problem {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::Log(error) => error.into(),
            ViewError::Halted(_) | ViewError::Empty => Self::new(Code::NotReady, error.to_string()),
        }
    }
}
