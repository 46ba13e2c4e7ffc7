//! Health of the gRPC services: serving until the shutdown begins.

use proto::usage::usage_service_server;
use proto::v1::ingest_service_server;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic_health::ServingStatus::{self, NotServing, Serving};
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// Tells the health of the services.
#[derive(Clone)]
pub(crate) struct Health(HealthReporter);

impl Health {
    /// Serving from now on, until `shutdown`.
    pub fn new(tracker: &TaskTracker, shutdown: CancellationToken) -> Self {
        let health = Self(HealthReporter::new());
        let reporter = health.clone();
        tracker.spawn(async move {
            reporter.set(Serving).await;
            shutdown.cancelled().await;
            reporter.set(NotServing).await;
        });
        health
    }

    /// The service that answers.
    pub fn service(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.0.clone()))
    }

    async fn set(&self, status: ServingStatus) {
        for service in ["", ingest_service_server::SERVICE_NAME, usage_service_server::SERVICE_NAME] {
            self.0.set_service_status(service, status).await;
        }
    }
}
