//! The catalogue: units, SKUs, tenants, price plans and contracts as the fold of one log; rating; the pricing worker.
//!
//! The one path: a [`command::Command`] is appended to the topic `catalog`; the [`fold`] decides at its offset whether
//! it holds, in every process the same; a [`view::View`] follows the log and answers from memory: admission, the
//! registry, the resources over HTTP ([`routes`]) and gRPC ([`grpc()`]), and what rating needs.
//!
//! Never here: a lock or a read-modify-write of stored state, a clock inside the fold, a price that is not exact.

mod admission;
mod api;
pub mod apply;
pub mod billing;
pub mod bootstrap;
pub mod catalog;
pub mod charge;
pub mod command;
pub mod export;
#[cfg(test)]
mod fixture;
pub mod fold;
mod form;
mod grpc;
pub mod layout;
pub mod lint;
mod metrics;
pub mod plan;
mod pricing;
pub mod quote;
pub mod rating;
pub mod resource;
mod rest;
pub mod snapshot;
pub mod state;
pub mod usage;
pub mod view;

pub use crate::grpc::{grpc, registry};
pub use crate::pricing::{Standing, WORKER, rated_time};
pub use crate::rest::routes;

use catalog::Catalog;
use domain::port::{CellStore, Log};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use view::View;

/// How the room is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
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
    /// The catalogue in memory, opened on a log that [`bootstrap`](bootstrap::bootstrap) has begun.
    pub view: View,
    /// Told what keeps pricing from going on.
    pub standing: Standing,
}

/// Starts the pricing worker and the writer of snapshots on the tracker, and makes the service that takes commands.
pub fn build(config: Config, ports: Ports, shutdown: CancellationToken, tracker: &TaskTracker) -> Catalog {
    metrics::describe();
    let view = ports.view.clone();
    tracker.spawn(snapshot::run(view.clone(), Arc::clone(&ports.store), shutdown.clone()));
    tracker.spawn(pricing::run(config, ports, shutdown, tracker.clone()));
    Catalog::new(view)
}
