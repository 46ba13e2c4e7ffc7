//! Reads over REST: usage, costs, charges, dead letters, the books.
//!
//! The one path: a handler reads its parameters strictly, notes the watermark, reads cells after it, and folds them
//! with pure functions into the items of an answer.
//!
//! Never here: a write, a rule of accounting or pricing, a rounded sum.

use catalog::state::State;
use catalog::view::View;
use domain::code::Code;
use domain::generation::Registry;
use domain::port::{CellStore, Clock, Log};
use domain::time::Timestamp;
use rest::Problem;
use rest::page::PageKey;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

mod ask;
mod charges;
mod cost;
mod costs;
mod dead_letters;
mod docs;
mod fold;
mod group;
mod meta;
mod page;
mod range;
mod reconciliation;
mod recount;
#[cfg(test)]
mod testing;
mod usage;
mod window;

pub use docs::docs;

/// What can be chosen.
#[derive(Clone, Debug)]
pub struct Config {
    /// Signs page tokens; the same for all replicas.
    pub page_key: PageKey,
}

/// What the reads need of the world.
#[derive(Clone)]
pub struct Ports {
    /// Rows, charges, dead letters, pages.
    pub store: Arc<dyn CellStore>,
    /// The log of pulses, for the books.
    pub log: Arc<dyn Log>,
    /// The catalogue.
    pub view: View,
    /// Tells what now is.
    pub clock: Arc<dyn Clock>,
}

/// The reads; a clone is the same.
#[derive(Clone)]
pub struct QueryApi(Arc<Inner>);

struct Inner {
    config: Config,
    ports: Ports,
}

/// Puts the reads together.
pub fn build(config: Config, ports: Ports) -> QueryApi {
    QueryApi(Arc::new(Inner { config, ports }))
}

/// The reads with their description.
pub fn routes(query: QueryApi) -> OpenApiRouter {
    rest::door::open()
        .routes(routes!(usage::list_usage))
        .routes(routes!(costs::list_costs))
        .routes(routes!(charges::list_charges))
        .routes(routes!(dead_letters::list_dead_letters))
        .routes(routes!(dead_letters::get_dead_letter))
        .routes(routes!(reconciliation::get_reconciliation))
        .with_state(query)
}

impl QueryApi {
    fn store(&self) -> &dyn CellStore {
        &*self.0.ports.store
    }

    fn log(&self) -> &dyn Log {
        &*self.0.ports.log
    }

    fn state(&self) -> Arc<State> {
        self.0.ports.view.state()
    }

    fn now(&self) -> Timestamp {
        self.0.ports.clock.now()
    }

    fn page_key(&self) -> &PageKey {
        &self.0.config.page_key
    }

    fn registry<'a>(&self, state: &'a State) -> Result<&'a Registry, Problem> {
        let unready = || Problem::new(Code::NotReady, "the catalogue has no registry of generations yet");
        state.registry().map(|registry| &**registry).ok_or_else(unready)
    }
}
