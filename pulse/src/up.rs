//! One process of one or more roles: backends, rooms, doors, and the way down again.

mod backends;
mod doors;
mod gate;
mod health;
mod housekeeping;
mod lifecycle;
pub mod loss;
mod memory;
pub mod migration;
mod page_key;
mod readiness;
mod reflection;
mod role;
mod rooms;

pub use backends::house;
pub use role::Role;

use crate::config::Config;
use crate::demo::Demo;
use crate::environment::Environment;
use crate::exit::{Exit, Failure};
use crate::metrics::Metrics;
use crate::ready_file::{self, Ready};
use crate::server::Server;
use crate::system_clock::{ServerClock, SystemClock};
use crate::telemetry;
use crate::welcome;
use anyhow::Context;
use backends::Backends;
use domain::port::RegistryView;
use doors::Doors;
use lifecycle::{Lifecycle, Signals};
use memory::Memory;
use rooms::{Foundation, Rooms};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What a process is to do.
pub struct Job {
    /// Its part of the house.
    pub roles: Vec<Role>,
    /// Its settings.
    pub config: Config,
    /// When it ends by itself.
    pub exit_after: Option<Duration>,
    /// Which demonstration it shows, if any.
    pub demo_seed: Option<u64>,
}

/// Runs until a signal or until `exit_after`, then drains.
pub async fn run(job: Job, environment: &Environment) -> anyhow::Result<Exit> {
    let Job { roles, config, exit_after, demo_seed } = job;
    let mut signals = Signals::install(exit_after)?;
    let clock = Arc::new(ServerClock::of(environment)?);
    let lifecycle = Lifecycle::default();
    let metrics = Metrics::install(&SystemClock)?;
    let backends = Backends::open(&config, environment, clock).await?;
    let doors = Doors::bind(&config).await?;
    let memory = Memory::new(config.memory_bytes_max);
    let rooms = Rooms::build(Foundation {
        roles: &roles,
        config: &config,
        backends: &backends,
        lifecycle: &lifecycle,
        metrics: &metrics,
        memory: &memory,
        is_traced: telemetry::find_endpoint(&config, environment).is_some(),
    })
    .await?;
    housekeeping::start(&config, &backends, &rooms, &lifecycle);
    lifecycle.keep(metrics.keep());
    lifecycle.keep(memory.watch());
    let registry = rooms.view.registry();
    let (http, grpc) = (doors.http_address()?, doors.grpc_address()?);
    doors.serve(rooms, &lifecycle);
    if let Some(seed) = demo_seed {
        let server =
            Server { http: format!("http://{http}"), grpc: format!("http://{grpc}"), ..Server::default() };
        let demo = Demo { seed, server, clock: Arc::clone(&backends.clock) };
        demo.fill(&*backends.log, &registry).await.context("filling the demonstration")?;
        let stop = lifecycle.stop_accepting.clone();
        lifecycle.work.spawn(async move { stop.run_until_cancelled(demo.run()).await });
    }
    let ready = Ready::here(http, grpc, backends.data_dir.as_deref())?;
    let files = ReadyFiles::write(&ready, &config, &backends)?;
    if roles == Role::ALL {
        welcome::print(&ready, demo_seed.is_some())?;
    }
    tracing::info!(%http, %grpc, data_dir = %ready.data_dir.display(), "ready");
    signals.next().await;
    tracing::info!("draining");
    let drain = lifecycle.drain(Duration::from_secs(config.shutdown_deadline_seconds));
    tokio::select! {
        in_time = drain => {
            drop((files, backends));
            let late = || Failure { exit: Exit::Failed, message: "the drain took longer than shutdown_deadline_seconds".to_owned() };
            in_time.ok_or_else(late)?;
            tracing::info!("drained");
            Ok(Exit::Done)
        }
        () = signals.next() => Err(Failure { exit: Exit::Failed, message: "ended by a second signal before the drain was done".to_owned() }.into()),
    }
}

/// The ready files; they go when this does.
struct ReadyFiles(Vec<PathBuf>);

impl ReadyFiles {
    fn write(ready: &Ready, config: &Config, backends: &Backends) -> anyhow::Result<Self> {
        let in_data_dir = backends.data_dir.as_ref().map(|directory| directory.join(ready_file::NAME));
        let mut files = Self(Vec::new());
        for path in in_data_dir.into_iter().chain(config.ready_file.clone()) {
            ready.write(&path).context("announcing that everything answers")?;
            files.0.push(path);
        }
        Ok(files)
    }
}

impl Drop for ReadyFiles {
    fn drop(&mut self) {
        for path in &self.0 {
            if let Err(error) = ready_file::remove(path) {
                tracing::warn!(path = %path.display(), %error, "the ready file cannot be removed");
            }
        }
    }
}
