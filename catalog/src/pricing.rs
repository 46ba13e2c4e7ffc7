//! The pricing worker: keeps the `charge` cells of the tenants whose partitions this process owns.
//!
//! Each partition has two loops. One turns changes of the catalogue into triggers of its tenants' months; the other
//! takes what triggers wait, and only then reads usage and rates each month once. Doing either again is harmless, so
//! nothing is locked and two workers of one partition agree.

mod partition;
mod progress;
mod rated;
mod rerate;
mod stamp;
mod standing;
#[cfg(test)]
mod tests;
mod touch;
mod trigger;

use crate::view::{View, ViewError};
use crate::{Config, Ports};
use domain::generation::{Generation, Incarnation};
use domain::hash::FIXED_KEY;
use domain::port::{AssignmentChange, CellStore, Log, LogError, StoreError};
use domain::topic::REVISIONS;
use futures::StreamExt;
use partition::Partition;
use proto::header::RecordError;
use standing::Task;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use rated::rated_time;
pub use standing::Standing;

/// The worker's name in its checkpoints: what it has passed in the topic of triggers may be trimmed.
pub const WORKER: &str = "pricing";

const RETRY_DELAY: Duration = Duration::from_secs(1);

/// What the worker needs.
#[derive(Clone)]
struct Pricing {
    log: Arc<dyn Log>,
    store: Arc<dyn CellStore>,
    view: View,
    /// How long triggers are gathered before their months are rated.
    gather: Duration,
    standing: Standing,
}

/// Why a step of the worker failed; it is tried again.
#[derive(Debug, thiserror::Error)]
enum PricingError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    View(#[from] ViewError),
    #[error("trigger {offset} cannot be read: {error}")]
    Trigger { offset: u64, error: RecordError },
}

/// Prices what this process owns, as it comes and goes, until shutdown.
pub(crate) async fn run(config: Config, ports: Ports, shutdown: CancellationToken, tracker: TaskTracker) {
    let gather = Duration::from_millis(config.pricing_delay_ms);
    let Ports { log, store, view, standing } = ports;
    let pricing = Pricing { log, store, view, gather, standing };
    let owned = async {
        let incarnation = pricing.incarnation().await;
        let layout = Arc::new(topic_layout(&incarnation));
        let mut assignments = pricing.log.assignments(Arc::clone(&layout));
        let mut owned = Owned { pricing: &pricing, incarnation, running: HashMap::new() };
        loop {
            match assignments.next().await {
                Some(AssignmentChange::Assigned(given)) => {
                    pricing.standing.goes_on(Task::Assignments);
                    owned.start(&given.partitions, &shutdown, &tracker);
                }
                Some(AssignmentChange::Revoked(taken)) => owned.stop(&taken.partitions),
                None => {
                    let reason = "the log ended the assignments of pricing; they are asked for again";
                    tracing::error!("{reason}");
                    pricing.standing.stands(Task::Assignments, reason.to_owned());
                    tokio::time::sleep(RETRY_DELAY).await;
                    assignments = pricing.log.assignments(Arc::clone(&layout));
                }
            }
        }
    };
    shutdown.run_until_cancelled(owned).await;
}

/// The partitions whose loops run here.
struct Owned<'a> {
    pricing: &'a Pricing,
    incarnation: Incarnation,
    running: HashMap<u32, CancellationToken>,
}

impl Owned<'_> {
    fn start(&mut self, partitions: &[u32], shutdown: &CancellationToken, tracker: &TaskTracker) {
        // A partition that is given twice in a row is started anew.
        self.stop(partitions);
        for number in partitions {
            let stop = shutdown.child_token();
            let partition = Partition::new(self.pricing.clone(), &self.incarnation, *number);
            tracker.spawn(partition::run(partition, stop.clone()));
            self.running.insert(*number, stop);
        }
    }

    fn stop(&mut self, partitions: &[u32]) {
        let taken = partitions.iter().filter_map(|number| self.running.remove(number));
        taken.for_each(|stop| stop.cancel());
    }
}

impl Pricing {
    async fn incarnation(&self) -> Incarnation {
        loop {
            match self.log.incarnation(REVISIONS).await {
                Ok(incarnation) => return incarnation,
                Err(error) => tracing::warn!(%error, "the topic of triggers cannot be asked"),
            }
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }
}

/// The topic as the port's assignments want it: it is no generation of pulses, hence number 0.
fn topic_layout(incarnation: &Incarnation) -> Generation {
    let first = Generation::first(FIXED_KEY, incarnation.partitions());
    Generation { number: 0, topic: REVISIONS.into(), ..first }
}
