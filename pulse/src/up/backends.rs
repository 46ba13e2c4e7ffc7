//! The ports on their backends: one data directory, or Kafka and ScyllaDB.

pub mod embedded;
pub mod engines;
pub mod house;

use super::lifecycle::Lifecycle;
use super::readiness::Ground;
use crate::config::Config;
use crate::crash_points::{CrashPoint, CrashingLog, CrashingStore};
use crate::environment::Environment;
use crate::exit::Failure;
use backends::embedded::Embedded;
use backends::kafka::KafkaLog;
use catalog::view::View;
use domain::port::{CellStore, Clock, Log, Topics};
use std::path::PathBuf;
use std::sync::Arc;

pub use embedded::PARTITIONS;

/// A hidden variable; see [`crate::crash_points`].
const CRASH_POINT: &str = "PULSE_CRASH_POINT";

/// The ports as the rooms see them, and what only the binary may do with them.
pub struct Backends {
    /// The log, behind its crash points.
    pub log: Arc<dyn Log>,
    /// The store, behind its crash points.
    pub store: Arc<dyn CellStore>,
    /// The machine's clock.
    pub clock: Arc<dyn Clock>,
    /// The files themselves, to be trimmed, swept and watched; `None`: they are somebody else's.
    pub embedded: Option<Embedded>,
    /// The brokers themselves, to be told where topics live; `None`: there are none.
    pub brokers: Option<Arc<KafkaLog>>,
    /// `None`: nothing is kept here.
    pub data_dir: Option<PathBuf>,
}

impl Backends {
    /// Opens what is configured and makes of it what the rooms expect.
    pub async fn open(
        config: &Config,
        environment: &Environment,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let point = environment
            .find(CRASH_POINT)
            .map(str::parse::<CrashPoint>)
            .transpose()
            .map_err(Failure::usage)?;
        let backends = if config.is_on_engines() {
            engines::open(config, clock).await?
        } else {
            embedded::open(config, clock).await?
        };
        Ok(match point {
            Some(point) => backends.armed(Arc::new(point)),
            None => backends,
        })
    }

    /// Makes sure that the log is the one that the catalogue names, from now on.
    pub async fn recognise(&self, view: &View, lifecycle: &Lifecycle) -> anyhow::Result<()> {
        let Some(brokers) = &self.brokers else { return Ok(()) };
        engines::recognise(brokers, &view.state()).await?;
        lifecycle.keep(engines::follow(Arc::clone(brokers), view.clone()));
        let (brokers, stop) = (Arc::clone(brokers), lifecycle.stop_working.clone());
        lifecycle.work.spawn(async move {
            stop.cancelled().await;
            brokers.leave().await;
        });
        Ok(())
    }

    /// What the log stands on.
    pub fn ground(&self) -> Ground {
        match &self.brokers {
            Some(brokers) => Ground::Brokers(Arc::clone(brokers) as _),
            None => Ground::Disk(Arc::clone(&self.file().log) as _),
        }
    }

    /// Where topics are made.
    pub fn topics(&self) -> Arc<dyn Topics> {
        match &self.brokers {
            Some(brokers) => Arc::clone(brokers) as _,
            None => Arc::clone(&self.file().log) as _,
        }
    }

    fn file(&self) -> &Embedded {
        self.embedded.as_ref().expect("a log that no brokers hold is a file of ours")
    }

    /// Ends the process at that point.
    fn armed(self, point: Arc<CrashPoint>) -> Self {
        let log = Arc::new(CrashingLog { inner: self.log, point: Arc::clone(&point) });
        let store = Arc::new(CrashingStore { inner: self.store, point });
        Self { log, store, ..self }
    }
}

/// Bytes that nobody can guess.
pub fn random() -> anyhow::Result<[u8; 16]> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow::anyhow!("asking the system for random bytes: {error}"))?;
    Ok(bytes)
}
