//! The health of the gRPC services: each follows the readiness of its role, and the whole that of all.

use super::readiness::Readiness;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// How often readiness is looked at; a drain is told at once.
const INTERVAL: Duration = Duration::from_secs(5);

/// Tells the health of the services.
pub struct Health {
    reporter: HealthReporter,
    readiness: Readiness,
}

impl Health {
    /// Tells what is true now, and keeps to it until [`Health::follow`] is polled.
    pub async fn new(readiness: Readiness) -> Self {
        let health = Self { reporter: HealthReporter::new(), readiness };
        health.look().await;
        health
    }

    /// The service that answers.
    pub fn service(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.reporter.clone()))
    }

    /// Looks again and again, and a last time when the process drains.
    pub async fn follow(self) {
        let mut looks = interval(INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let draining = self.readiness.draining.clone();
        while draining.run_until_cancelled(looks.tick()).await.is_some() {
            self.look().await;
        }
        self.look().await;
    }

    async fn look(&self) {
        let verdict = self.readiness.judge().await;
        self.tell("", verdict.is_ready()).await;
        for role in &self.readiness.roles {
            for service in role.services() {
                self.tell(service, verdict.is_ready_for(*role)).await;
            }
        }
    }

    async fn tell(&self, service: &str, is_ready: bool) {
        let status = if is_ready { ServingStatus::Serving } else { ServingStatus::NotServing };
        self.reporter.set_service_status(service, status).await;
    }
}

#[cfg(test)]
mod tests {
    use super::super::role::Role;
    use super::*;
    use crate::up::readiness::tests::House;
    use backends::memory::ReadFault;
    use tonic::Request;
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_server::Health as _;

    const INGEST: &str = "pulse.v1.IngestService";
    const CATALOG: &str = "pulse.v1.CatalogService";

    async fn ask(health: &Health, service: &str) -> Option<bool> {
        let answering = HealthService::from_health_reporter(health.reporter.clone());
        let answer = answering.check(Request::new(HealthCheckRequest { service: service.into() })).await;
        answer.ok().map(|answer| answer.into_inner().status().as_str_name() == "SERVING")
    }

    async fn all(health: &Health) -> [Option<bool>; 3] {
        [ask(health, "").await, ask(health, INGEST).await, ask(health, CATALOG).await]
    }

    #[tokio::test]
    async fn each_service_follows_its_role_and_the_whole_follows_all() {
        let house = House::new().await;
        house.store.script_reads([Some(ReadFault::Unavailable); 2]);
        let health = Health::new(house.readiness.clone()).await;
        assert_eq!(all(&health).await, [Some(false), Some(true), Some(false)], "the store is away");
        health.look().await;
        assert_eq!(all(&health).await, [Some(true); 3], "the store is back");
        assert_eq!(ask(&health, "no.such.Service").await, None);
    }

    #[tokio::test]
    async fn only_the_services_of_the_process_are_told() {
        let mut house = House::new().await;
        house.readiness.roles = vec![Role::Catalog];
        let health = Health::new(house.readiness.clone()).await;
        assert_eq!(all(&health).await, [Some(true), None, Some(true)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_is_told_at_once_and_ends_it() {
        let house = House::new().await;
        let health = Health::new(house.readiness.clone()).await;
        let reporter = Health { reporter: health.reporter.clone(), readiness: house.readiness.clone() };
        let started = tokio::time::Instant::now();
        house.readiness.draining.cancel();
        health.follow().await;
        assert!(started.elapsed() < INTERVAL);
        assert_eq!(all(&reporter).await, [Some(false); 3]);
    }
}
