//! Moving a house from its data directory to Kafka and ScyllaDB: everything is counted and priced first, then the cells
//! are copied with their timestamps, the catalogue's log record by record to the same offsets, and last the catalogue is
//! told where each topic goes on.
//!
//! Every step may be done again: a cell that is written twice is the same cell, a record that is there is compared, and
//! a topic that is registered stays so. Until the last step no role starts on the engines.

mod catalogue;
mod cells;
mod drain;
mod topics;

use super::backends::{Backends, embedded, engines, house};
use super::lifecycle::Lifecycle;
use super::memory::Memory;
use super::role::Role;
use super::rooms::{Foundation, Rooms};
use crate::client::events::{self, Event, Events};
use crate::config::Config;
use crate::exit::Failure;
use crate::metrics::Metrics;
use crate::system_clock::SystemClock;
use anyhow::{Context, bail, ensure};
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use domain::port::{Clock, RegistryView};
use domain::topic::CATALOG;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

/// The most bytes of the books.
const BOOKS_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What was moved, and the books on either side.
pub struct Moved {
    /// Cells by table.
    pub cells: Vec<(&'static str, u64)>,
    /// Records of the catalogue's log.
    pub catalogue_records: u64,
    /// What reconciling the data directory says.
    pub before: Value,
    /// What reconciling the engines says.
    pub after: Value,
}

/// Moves the house of `data_dir` to the engines that are configured.
pub async fn run(config: &Config) -> anyhow::Result<Moved> {
    let metrics = Metrics::install(&SystemClock)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let data_dir = &config.data_dir;
    if !data_dir.join("log.db").is_file() {
        return Err(Failure::usage(format!("{} is no data directory", data_dir.display())).into());
    }
    let source = embedded::open(config, Arc::clone(&clock)).await?;
    let site = Site { config, metrics: &metrics };
    let stage = site.build(&source, &[Role::IngestorConsumer, Role::Catalog, Role::QueryApi]).await?;
    eprintln!("counting and pricing what is left to be");
    drain::wait(&source, &stage.rooms.view.registry()).await?;
    let before = stage.books().await?;
    let topics_there = house::topics(&stage.rooms.view.state())?;
    stage.end().await?;

    let (brokers, store) = engines::connect(config, Arc::clone(&clock)).await?;
    catalogue::compare(&*source.log, &*brokers).await?;
    let is_begun = house::is_begun(&*brokers).await?;
    for (topic, partitions) in topics_there {
        brokers.declare(&topic, partitions).await?;
        if !is_begun {
            topics::refuse_used(&*brokers, &topic, partitions).await?;
        }
    }
    eprintln!("copying cells");
    let files = source.embedded.as_ref().context("the source is a data directory")?;
    let cells = cells::copy(&files.store, &*store).await?;
    eprintln!("copying the catalogue's log");
    brokers.declare(CATALOG, 1).await?;
    let catalogue_records = catalogue::copy(&*source.log, &*brokers).await?;
    topics::register(&*source.log, &*brokers, &*clock).await?;
    let target = engines::backends(brokers, store, clock);
    let stage = site.build(&target, &[Role::QueryApi]).await?;
    let after = stage.books().await?;
    stage.end().await?;
    Ok(Moved { cells, catalogue_records, before, after })
}

/// What the rooms of either side are built with.
struct Site<'a> {
    config: &'a Config,
    metrics: &'a Metrics,
}

/// Rooms that are not served to anybody else.
struct Stage {
    rooms: Rooms,
    lifecycle: Lifecycle,
    deadline: Duration,
}

impl Site<'_> {
    async fn build(&self, backends: &Backends, roles: &[Role]) -> anyhow::Result<Stage> {
        let lifecycle = Lifecycle::default();
        let foundation = Foundation {
            roles,
            config: self.config,
            backends,
            lifecycle: &lifecycle,
            metrics: self.metrics,
            memory: &Memory::new(u64::MAX),
            is_traced: false,
        };
        let rooms = Rooms::build(foundation).await?;
        let deadline = Duration::from_secs(self.config.shutdown_deadline_seconds);
        Ok(Stage { rooms, lifecycle, deadline })
    }
}

impl Stage {
    /// What `/v1/reconciliation` answers, however long it takes.
    async fn books(&self) -> anyhow::Result<Value> {
        let request = Request::get("/v1/reconciliation").header(header::ACCEPT, events::CONTENT_TYPE);
        let request = request.body(Body::empty())?;
        let response = self.rooms.http.clone().oneshot(request).await?;
        let status = response.status();
        let bytes = to_bytes(response.into_body(), BOOKS_BYTES_MAX).await?;
        ensure!(status.is_success(), "reconciling failed: {}", String::from_utf8_lossy(&bytes));
        let mut events = Events::default();
        events.push(&bytes);
        while let Some(Event { name, data }) = events.take()? {
            ensure!(name != "problem", "reconciling failed: {data}");
            if name == "reconciliation" {
                return Ok(data);
            }
        }
        bail!("reconciling ended without the books")
    }

    async fn end(self) -> anyhow::Result<()> {
        self.lifecycle
            .drain(self.deadline)
            .await
            .context("the drain took longer than shutdown_deadline_seconds")
    }
}
