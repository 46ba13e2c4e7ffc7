//! The rooms on their ports, and what they serve.

use super::backends::{Backends, random};
use super::lifecycle::Lifecycle;
use super::page_key;
use super::readiness::Readiness;
use crate::config::Config;
use anyhow::Context;
use axum::Router;
use catalog::catalog::Catalog;
use catalog::view::View;
use domain::port::{CellStore, Clock, Log};
use ingestor_api::IngestorApi;
use ingestor_consumer::Alarms;
use query_api::QueryApi;
use rest::door::TraceIds;
use rest::page::PageKey;
use std::sync::Arc;
use tonic::service::Routes;
use utoipa::openapi::InfoBuilder;
use utoipa_axum::router::OpenApiRouter;

/// The rooms, ready to be served.
pub struct Rooms {
    /// The gRPC services.
    pub grpc: Routes,
    /// The HTTP resources, their description, and the process's own.
    pub http: Router,
    /// The catalogue in memory.
    pub view: View,
}

impl Rooms {
    /// Builds every room; their tasks run from here on.
    pub async fn build(config: &Config, backends: &Backends, lifecycle: &Lifecycle) -> anyhow::Result<Self> {
        let page_key = page_key::find(config, backends.data_dir.as_deref())?;
        let view = open_view(backends, lifecycle).await.context("following the catalogue")?;
        let site = Site { config, backends, lifecycle, view, page_key };
        let alarms = site.start_consumer();
        let edge = site.build_edge();
        let catalog = catalog::routes(site.build_catalog(), site.page_key.clone());
        let resources = edge.http().merge(catalog).merge(query_api::routes(site.build_query()));
        let http = described(resources).merge(site.readiness(alarms).routes());
        Ok(Self {
            grpc: edge.grpc(),
            http: rest::door::close(http, TraceIds::new(random()?)),
            view: site.view,
        })
    }
}

async fn open_view(backends: &Backends, lifecycle: &Lifecycle) -> anyhow::Result<View> {
    let (log, clock) = (Arc::clone(&backends.log), Arc::clone(&backends.clock));
    Ok(View::open(log, clock, lifecycle.stop_working.clone(), &lifecycle.work).await?)
}

/// What every room is built on.
struct Site<'a> {
    config: &'a Config,
    backends: &'a Backends,
    lifecycle: &'a Lifecycle,
    view: View,
    page_key: PageKey,
}

impl Site<'_> {
    fn log(&self) -> Arc<dyn Log> {
        Arc::clone(&self.backends.log)
    }

    fn store(&self) -> Arc<dyn CellStore> {
        Arc::clone(&self.backends.store)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.backends.clock)
    }

    fn start_consumer(&self) -> Alarms {
        let (log, store, clock) = (self.log(), self.store(), self.clock());
        let ports = ingestor_consumer::Ports { log, store, clock, registry: Arc::new(self.view.clone()) };
        let config = self.config.ingestor_consumer.clone();
        ingestor_consumer::start(config, ports, &self.lifecycle.stop_working, &self.lifecycle.work)
    }

    fn build_catalog(&self) -> Catalog {
        let ports = catalog::Ports { log: self.log(), store: self.store(), view: self.view.clone() };
        let stop = self.lifecycle.stop_working.clone();
        catalog::build(self.config.catalog, ports, stop, &self.lifecycle.work)
    }

    fn build_edge(&self) -> IngestorApi {
        let ports = ingestor_api::Ports {
            log: self.log(),
            admission: Arc::new(self.view.clone()),
            registry: Arc::new(self.view.clone()),
            clock: self.clock(),
            store: self.store(),
            page_key: self.page_key.clone(),
        };
        let Lifecycle { stop_accepting, requests, .. } = self.lifecycle.clone();
        ingestor_api::build(self.config.ingestor_api.clone(), ports, stop_accepting, requests)
    }

    fn build_query(&self) -> QueryApi {
        let (log, store, clock) = (self.log(), self.store(), self.clock());
        let ports = query_api::Ports { store, log, view: self.view.clone(), clock };
        query_api::build(query_api::Config { page_key: self.page_key.clone() }, ports)
    }

    fn readiness(&self, alarms: Alarms) -> Readiness {
        Readiness {
            log: self.log(),
            store: self.store(),
            clock: self.clock(),
            view: self.view.clone(),
            alarms,
            draining: self.lifecycle.stop_accepting.clone(),
        }
    }
}

/// The resources with the description of all of them beside.
fn described(resources: OpenApiRouter) -> Router {
    let (router, mut openapi) = resources.split_for_parts();
    let about = "Usage in, each pulse counted exactly once, exact money out.";
    openapi.info = InfoBuilder::new().title("pulse").version("v1").description(Some(about)).build();
    router.merge(query_api::docs(openapi))
}
