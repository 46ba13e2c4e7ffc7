//! The embedded backends: one data directory, its topics declared, its catalogue begun.

use super::house::first_topics;
use super::{Backends, random};
use crate::config::Config;
use anyhow::Context;
use backends::embedded::{Embedded, OpenOptions};
use catalog::bootstrap::bootstrap;
use domain::generation::Generation;
use domain::port::{Clock, Log};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// Partitions of generation 1, and of the topics that are keyed by tenant.
pub const PARTITIONS: u32 = 4;

/// Opens the data directory, or makes it.
pub async fn open(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Backends> {
    let data_dir = (!config.ephemeral).then(|| config.data_dir.clone());
    let (path, time) = (data_dir.clone(), Arc::clone(&clock));
    let open = move || match path {
        Some(path) => Embedded::open(&path, time, OpenOptions::default()),
        None => Embedded::ephemeral(time),
    };
    let embedded = spawn_blocking(open).await??;
    prepare(&embedded, &*clock).await?;
    let (log, store) = (Arc::clone(&embedded.log) as _, Arc::clone(&embedded.store) as _);
    Ok(Backends { log, store, clock, embedded: Some(embedded), brokers: None, data_dir })
}

/// Declares the topics, and begins the catalogue's log where it is empty.
async fn prepare(embedded: &Embedded, clock: &dyn Clock) -> anyhow::Result<()> {
    let log = &*embedded.log;
    let first = Generation::first(random()?, PARTITIONS);
    for (topic, partitions) in first_topics(&first) {
        log.declare(topic, partitions).await.with_context(|| format!("declaring the topic {topic}"))?;
    }
    let incarnation = log.incarnation(&first.topic).await?;
    bootstrap(log, clock, first, incarnation).await.context("beginning the catalogue's log")
}
