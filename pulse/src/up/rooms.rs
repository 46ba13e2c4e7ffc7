//! The rooms of the roles on their ports, and what they serve.

use super::backends::{Backends, random};
use super::gate;
use super::health::Health;
use super::lifecycle::Lifecycle;
use super::memory::Memory;
use super::page_key;
use super::readiness::{Bounds, Readiness};
use super::reflection;
use super::role::Role;
use crate::config::Config;
use crate::metrics::Metrics;
use anyhow::Context;
use axum::Router;
use catalog::Standing;
use catalog::catalog::Catalog;
use catalog::layout::Layout;
use catalog::view::View;
use domain::port::{CellStore, Clock, Log, RegistryView};
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
    pub grpc: Router,
    /// The HTTP resources, their description, and the process's own.
    pub http: Router,
    /// The catalogue in memory.
    pub view: View,
}

/// What every room is built on.
#[derive(Clone, Copy)]
pub struct Foundation<'a> {
    /// Which rooms there are.
    pub roles: &'a [Role],
    /// The settings.
    pub config: &'a Config,
    /// The ports.
    pub backends: &'a Backends,
    /// The way down.
    pub lifecycle: &'a Lifecycle,
    /// What all rooms measure.
    pub metrics: &'a Metrics,
    /// The memory there is.
    pub memory: &'a Memory,
    /// Whether requests are spans of their callers' traces.
    pub is_traced: bool,
}

impl Rooms {
    /// Builds the rooms of the roles; their tasks run from here on.
    pub async fn build(foundation: Foundation<'_>) -> anyhow::Result<Self> {
        let Foundation { roles, config, backends, lifecycle, memory, is_traced, .. } = foundation;
        let view = foundation.open_view().await.context("following the catalogue")?;
        backends.recognise(&view, lifecycle).await.context("comparing the log with the catalogue")?;
        let registry = view.registry();
        let house = registry.find(1).context("the registry has no generation 1")?;
        let page_key = page_key::find(config, backends.data_dir.as_deref(), house)?;
        lifecycle.keep(page_key::reread(config.page_token_key_file.clone(), page_key.clone()));
        let site = Site { foundation, view, standing: Standing::default(), page_key };
        let consumer = roles.contains(&Role::IngestorConsumer).then(|| site.start_consumer());
        let (services, resources) = site.build();
        let readiness = site.readiness(consumer.unwrap_or_default());
        let health = Health::new(readiness.clone()).await;
        let services = services.add_service(health.service()).add_service(reflection::of(roles));
        lifecycle.keep(health.follow());
        let own = readiness.routes().merge(foundation.metrics.routes());
        let closing = lifecycle.stop_accepting.clone();
        let http = gate::guard_http(described(resources), memory.clone(), closing).merge(own);
        let http = rest::door::close(http, TraceIds::new(random()?), site.clock());
        let grpc = gate::guard_grpc(ingestor_api::guarded(services).into_axum_router(), memory.clone());
        let traced = |router| if is_traced { gate::trace(router) } else { router };
        Ok(Self { grpc: traced(grpc), http: traced(http), view: site.view })
    }
}

impl Foundation<'_> {
    async fn open_view(&self) -> anyhow::Result<View> {
        let Self { backends, lifecycle, .. } = self;
        let (log, clock) = (Arc::clone(&backends.log), Arc::clone(&backends.clock));
        let state = catalog::snapshot::load(&*log, &*backends.store).await;
        Ok(View::open_from(state, log, clock, lifecycle.stop_working.clone(), &lifecycle.work).await?)
    }
}

/// A foundation with what every room shares on it.
struct Site<'a> {
    foundation: Foundation<'a>,
    view: View,
    standing: Standing,
    page_key: PageKey,
}

impl Site<'_> {
    fn log(&self) -> Arc<dyn Log> {
        Arc::clone(&self.foundation.backends.log)
    }

    fn store(&self) -> Arc<dyn CellStore> {
        Arc::clone(&self.foundation.backends.store)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.foundation.backends.clock)
    }

    /// What the roles serve over gRPC and over HTTP.
    fn build(&self) -> (Routes, OpenApiRouter) {
        let (mut services, mut resources) = (Routes::default(), rest::door::open());
        for role in self.foundation.roles {
            match role {
                Role::IngestorApi => {
                    let edge = self.build_edge();
                    services = edge.grpc(services);
                    resources = resources.merge(edge.http());
                }
                Role::IngestorConsumer => {}
                Role::Catalog => {
                    let (catalog, page_key) = (self.build_catalog(), &self.page_key);
                    let layout = Layout::new(catalog.clone(), self.foundation.backends.topics());
                    services = services
                        .add_service(catalog::grpc(catalog.clone(), page_key.clone()))
                        .add_service(catalog::registry(layout));
                    resources = resources.merge(catalog::routes(catalog, page_key.clone()));
                }
                Role::QueryApi => resources = resources.merge(query_api::routes(self.build_query())),
            }
        }
        (services, resources)
    }

    fn start_consumer(&self) -> Alarms {
        let (log, store, clock) = (self.log(), self.store(), self.clock());
        let ports = ingestor_consumer::Ports { log, store, clock, registry: Arc::new(self.view.clone()) };
        let Foundation { config, lifecycle, .. } = self.foundation;
        let config = config.ingestor_consumer.clone();
        ingestor_consumer::start(config, ports, &lifecycle.stop_working, &lifecycle.work)
    }

    fn build_catalog(&self) -> Catalog {
        let ports = catalog::Ports {
            log: self.log(),
            store: self.store(),
            view: self.view.clone(),
            standing: self.standing.clone(),
        };
        let Foundation { config, lifecycle, .. } = self.foundation;
        catalog::build(config.catalog, ports, lifecycle.stop_working.clone(), &lifecycle.work)
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
        let Lifecycle { stop_accepting, requests, .. } = self.foundation.lifecycle.clone();
        ingestor_api::build(self.foundation.config.ingestor_api.clone(), ports, stop_accepting, requests)
    }

    fn build_query(&self) -> QueryApi {
        let (log, store, clock) = (self.log(), self.store(), self.clock());
        let shutdown = self.foundation.lifecycle.stop_accepting.clone();
        let ports = query_api::Ports { store, log, view: self.view.clone(), clock, shutdown };
        query_api::build(query_api::Config { page_key: self.page_key.clone() }, ports)
    }

    fn readiness(&self, alarms: Alarms) -> Readiness {
        let Foundation { roles, config, backends, lifecycle, memory, .. } = self.foundation;
        Readiness {
            roles: roles.to_vec(),
            log: self.log(),
            store: self.store(),
            ground: backends.ground(),
            clock: self.clock(),
            clock_looked: Arc::default(),
            view: self.view.clone(),
            alarms,
            pricing: self.standing.clone(),
            memory: memory.clone(),
            draining: lifecycle.stop_accepting.clone(),
            bounds: Bounds {
                disk_free_bytes_min: config.disk_free_bytes_min,
                lag_seconds_max: config.lag_seconds_max.into(),
            },
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
