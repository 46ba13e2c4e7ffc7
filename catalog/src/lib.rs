//! The catalogue: units, SKUs, tenants, price plans and contracts as the fold of one log; rating; the pricing worker.
//!
//! The one path: a [`command::Command`] is appended to the topic `catalog`; the [`fold`] decides at its offset whether
//! it holds, in every process the same; a [`view::View`] follows the log and answers from memory: admission, the
//! registry, the [`rest`] resources, and what rating needs.
//!
//! Never here: a lock or a read-modify-write of stored state, a clock inside the fold, a price that is not exact.

mod admission;
pub mod billing;
pub mod bootstrap;
pub mod catalog;
pub mod charge;
pub mod command;
pub mod fold;
pub mod lint;
pub mod plan;
pub mod pricing;
pub mod rating;
pub mod resource;
pub mod state;
pub mod usage;
pub mod view;

use catalog::Catalog;
use domain::port::{CellStore, Clock, Log};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How the room is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How long triggers of one month are gathered before it is rated: a month is rated at most this often.
    pub pricing_delay_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { pricing_delay_ms: 1_000 }
    }
}

/// What the room needs of the world outside.
#[derive(Clone)]
pub struct Ports {
    /// Holds the catalogue's commands and the triggers of pricing.
    pub log: Arc<dyn Log>,
    /// Holds usage; takes charges.
    pub store: Arc<dyn CellStore>,
    /// The only source of now.
    pub clock: Arc<dyn Clock>,
}

/// Opens the catalogue, which [`bootstrap`](bootstrap::bootstrap) has begun, and starts the pricing worker.
pub async fn build(
    config: Config,
    ports: Ports,
    shutdown: CancellationToken,
    tracker: TaskTracker,
) -> Result<Catalog, view::ViewError> {
    let view = view::View::open(Arc::clone(&ports.log), ports.clock, shutdown.clone(), &tracker).await?;
    let gather = Duration::from_millis(config.pricing_delay_ms);
    let pricing = pricing::Pricing { log: ports.log, store: ports.store, view: view.clone(), gather };
    tracker.spawn(pricing::run(pricing, shutdown, tracker.clone()));
    Ok(Catalog::new(view))
}
