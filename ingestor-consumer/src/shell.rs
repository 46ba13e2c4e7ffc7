//! The shell: moves data between the log, the partition owners and the store, and decides nothing.

mod budget;
mod facts;
mod failure;
mod partition;
mod path;
mod publish;
mod slices;
mod source;
mod topic;
mod trace;
mod watermark;

use crate::alarm::Alarm;
use crate::config::Config;
use crate::metrics;
use budget::Budget;
use domain::generation::Generation;
use domain::port::{Assignment, AssignmentChange, CellStore, Clock, Log, RegistryView, TopicPartition};
use futures::StreamExt;
use partition::Partition;
use path::StorePath;
use slices::Slices;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use watermark::Watermarks;

/// A generation's number and a partition of it.
pub type Spot = (u32, u32);

/// What the consumer needs of the world.
#[derive(Clone)]
pub struct Ports {
    /// Where pulses come from, and revisions go to.
    pub log: Arc<dyn Log>,
    /// Where counts are kept.
    pub store: Arc<dyn CellStore>,
    /// Now, for watermarks and alarms.
    pub clock: Arc<dyn Clock>,
    /// The generations.
    pub registry: Arc<dyn RegistryView>,
}

/// The partitions that stopped, and why: not ready until somebody acts.
#[derive(Clone, Debug, Default)]
pub struct Alarms(Arc<Mutex<BTreeMap<Spot, Alarm>>>);

impl Alarms {
    /// All that are raised now.
    pub fn raised(&self) -> Vec<(Spot, Alarm)> {
        let alarms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        alarms.iter().map(|(spot, alarm)| (*spot, alarm.clone())).collect()
    }

    fn raise(&self, spot: Spot, alarm: Alarm) {
        metrics::raised(&alarm);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(spot, alarm);
    }

    fn lower(&self, spot: Spot) {
        let lowered = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&spot);
        lowered.iter().for_each(metrics::lowered);
    }
}

/// What every partition's task shares.
#[derive(Clone)]
struct Shared {
    config: Config,
    ports: Ports,
    alarms: Alarms,
    aggregation: StorePath,
    dead_letters: StorePath,
    watermarks: Watermarks,
    ids: Budget,
    slices: Slices,
}

/// How often new generations are looked for.
const REGISTRY_INTERVAL: Duration = Duration::from_secs(1);

/// Starts the consumer on the tracker. It ends after the token is cancelled and a last flush
/// that takes at most `revoke_flush_ms_max`; what that does not reach is counted after the next start.
pub fn start(config: Config, ports: Ports, stop: &CancellationToken, tracker: &TaskTracker) -> Alarms {
    metrics::describe();
    let alarms = Alarms::default();
    let shared = Shared {
        aggregation: StorePath::start("aggregation", &ports.store, tracker),
        dead_letters: StorePath::start("dead-letter", &ports.store, tracker),
        watermarks: Watermarks::start(&ports.store, tracker),
        ids: Budget::new(config.id_bytes_max),
        slices: Slices::new(),
        alarms: alarms.clone(),
        config,
        ports,
    };
    tracker.spawn(follow_registry(shared, stop.clone(), tracker.clone()));
    alarms
}

/// Every generation gets a task that follows its assignments.
async fn follow_registry(shared: Shared, stop: CancellationToken, tracker: TaskTracker) {
    let mut followed = BTreeSet::new();
    loop {
        for generation in shared.ports.registry.registry().generations() {
            if followed.insert(generation.number) {
                let follow =
                    follow_assignments(shared.clone(), Arc::clone(generation), stop.clone(), tracker.clone());
                tracker.spawn(follow);
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(REGISTRY_INTERVAL) => {}
        }
    }
}

/// A partition's task and the token that ends it.
struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Starts and ends the tasks of a generation's partitions as this process is given them and loses them.
async fn follow_assignments(
    shared: Shared,
    generation: Arc<Generation>,
    stop: CancellationToken,
    tracker: TaskTracker,
) {
    let mut changes = shared.ports.log.assignments(Arc::clone(&generation));
    let mut running: BTreeMap<u32, Running> = BTreeMap::new();
    let gone = topic::gone(&*shared.ports.log, &generation.topic);
    tokio::pin!(gone);
    let missing = loop {
        let change = tokio::select! {
            () = stop.cancelled() => break None,
            missing = &mut gone => break Some(missing),
            change = changes.next() => change,
        };
        match change {
            Some(AssignmentChange::Assigned(Assignment { partitions, .. })) => {
                end(&mut running, &partitions).await;
                for partition in partitions {
                    let token = stop.child_token();
                    let owned = Partition::new(shared.clone(), Arc::clone(&generation), partition);
                    let task = tracker.spawn(owned.run(token.clone()));
                    running.insert(partition, Running { stop: token, task });
                }
            }
            Some(AssignmentChange::Revoked(Assignment { partitions, .. })) => {
                end(&mut running, &partitions).await;
            }
            None => {
                tracing::error!(
                    generation = generation.number,
                    "the log ended its assignments; asking again"
                );
                tokio::time::sleep(REGISTRY_INTERVAL).await;
                changes = shared.ports.log.assignments(Arc::clone(&generation));
            }
        }
    };
    let all: Vec<u32> = running.keys().copied().collect();
    end(&mut running, &all).await;
    if let Some(missing) = missing {
        stand_still(&shared.alarms, &generation, &missing, &stop).await;
    }
}

/// Without its topic a generation is not counted, not even when the topic comes back: what lay in it may not.
async fn stand_still(
    alarms: &Alarms,
    generation: &Generation,
    missing: &TopicPartition,
    stop: &CancellationToken,
) {
    let alarm = Alarm::TopicGone { partition: missing.clone() };
    tracing::error!(generation = generation.number, %alarm, "the generation stops");
    let spots = || (0..generation.partitions).map(|partition| (generation.number, partition));
    spots().for_each(|spot| alarms.raise(spot, alarm.clone()));
    stop.cancelled().await;
    spots().for_each(|spot| alarms.lower(spot));
}

/// Ends partitions' tasks together and waits for their best-effort flushes.
async fn end(running: &mut BTreeMap<u32, Running>, partitions: &[u32]) {
    let ending: Vec<Running> = partitions.iter().filter_map(|partition| running.remove(partition)).collect();
    for partition in &ending {
        partition.stop.cancel();
    }
    for Running { task, .. } in ending {
        if let Err(error) = task.await {
            tracing::error!(%error, "a partition's task failed");
        }
    }
}
