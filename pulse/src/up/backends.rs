//! The embedded backends: one data directory, its topics declared, its catalogue begun.

use crate::config::Config;
use crate::crash_points::{CrashPoint, CrashingLog, CrashingStore};
use crate::environment::Environment;
use crate::exit::Failure;
use anyhow::Context;
use backends::embedded::{Embedded, EmbeddedLog, EmbeddedStore, OpenOptions};
use catalog::bootstrap::bootstrap;
use domain::generation::Generation;
use domain::port::{CellStore, Clock, Log};
use domain::topic::{CATALOG, DEAD_LETTERS, REVISIONS};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// Partitions of generation 1, and of the topics that are keyed by tenant.
pub const PARTITIONS: u32 = 4;
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
    /// The log itself, to be trimmed.
    pub embedded_log: Arc<EmbeddedLog>,
    /// The store itself, to be swept.
    pub embedded_store: Arc<EmbeddedStore>,
    /// `None`: ephemeral.
    pub data_dir: Option<PathBuf>,
}

impl Backends {
    /// Opens the data directory and makes of it what the rooms expect.
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
        let data_dir = (!config.ephemeral).then(|| config.data_dir.clone());
        let (path, time) = (data_dir.clone(), Arc::clone(&clock));
        let open = move || match path {
            Some(path) => Embedded::open(&path, time, OpenOptions::default()),
            None => Embedded::ephemeral(time),
        };
        let Embedded { log: embedded_log, store: embedded_store } = spawn_blocking(open).await??;
        let backends = Self::armed(point, clock, embedded_log, embedded_store);
        let backends = Self { data_dir, ..backends };
        backends.prepare().await?;
        Ok(backends)
    }

    fn armed(
        point: Option<CrashPoint>,
        clock: Arc<dyn Clock>,
        embedded_log: Arc<EmbeddedLog>,
        embedded_store: Arc<EmbeddedStore>,
    ) -> Self {
        let (mut log, mut store): (Arc<dyn Log>, Arc<dyn CellStore>) =
            (Arc::clone(&embedded_log) as _, Arc::clone(&embedded_store) as _);
        if let Some(point) = point.map(Arc::new) {
            log = Arc::new(CrashingLog { inner: log, point: Arc::clone(&point) });
            store = Arc::new(CrashingStore { inner: store, point });
        }
        Self { log, store, clock, embedded_log, embedded_store, data_dir: None }
    }

    /// Declares the topics, and begins the catalogue's log where it is empty.
    async fn prepare(&self) -> anyhow::Result<()> {
        let first = Generation::first(random()?, PARTITIONS);
        let topics =
            [(CATALOG, 1), (&first.topic, PARTITIONS), (REVISIONS, PARTITIONS), (DEAD_LETTERS, PARTITIONS)];
        for (topic, partitions) in topics {
            self.embedded_log
                .declare(topic, partitions)
                .await
                .with_context(|| format!("declaring the topic {topic}"))?;
        }
        let incarnation = self.log.incarnation(&first.topic).await?;
        bootstrap(&*self.log, &*self.clock, first, incarnation).await.context("beginning the catalogue's log")
    }
}

/// Bytes that nobody can guess.
pub fn random() -> anyhow::Result<[u8; 16]> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow::anyhow!("asking the system for random bytes: {error}"))?;
    Ok(bytes)
}
