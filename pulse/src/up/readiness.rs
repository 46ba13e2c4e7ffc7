//! `/livez` says the process runs, `/readyz` says it accepts work, or names each thing that keeps it from that.

use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use catalog::view::View;
use domain::checkpoint::Checkpoint;
use domain::port::{CellStore, Clock, Log, Query, ReadLimit, TopicPartition};
use ingestor_consumer::Alarms;
use serde_json::{Map, Value, json};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// A check that takes longer has failed.
const CHECK_MAX: Duration = Duration::from_secs(2);
/// How far behind the log's time the clock may be.
const CLOCK_BEHIND_MAX_SECONDS: i64 = 60;

/// What is looked at.
#[derive(Clone)]
pub struct Readiness {
    /// Must answer.
    pub log: Arc<dyn Log>,
    /// Must answer.
    pub store: Arc<dyn CellStore>,
    /// Must not be behind the log's own time.
    pub clock: Arc<dyn Clock>,
    /// Must reach its log's end.
    pub view: View,
    /// Must not be raised.
    pub alarms: Alarms,
    /// Must not be cancelled.
    pub draining: CancellationToken,
}

type Check = Result<(), String>;

impl Readiness {
    /// The two resources.
    pub fn routes(self) -> Router {
        Router::new()
            .route("/livez", get(|| async { Json(json!({"status": "live"})) }))
            .route("/readyz", get(move || self.clone().answer()))
    }

    async fn answer(self) -> (StatusCode, Json<Value>) {
        let checks = [
            ("log", in_time(self.log()).await),
            ("store", in_time(self.store()).await),
            ("catalog", in_time(self.catalog()).await),
            ("clock", in_time(self.clock()).await),
            ("consumer", self.consumer()),
            ("drain", self.drain()),
        ];
        let is_ready = checks.iter().all(|(_, check)| check.is_ok());
        let text = |check: &Check| check.as_ref().map_or_else(String::clone, |()| "ok".to_owned());
        let checks: Map<String, Value> =
            checks.iter().map(|(name, check)| ((*name).to_owned(), json!(text(check)))).collect();
        let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        (status, Json(json!({"status": if is_ready { "ready" } else { "not ready" }, "checks": checks})))
    }

    fn partitions(&self) -> Vec<TopicPartition> {
        let state = self.view.state();
        let generation = state.registry().map(|registry| Arc::clone(registry.newest()));
        let partitions = generation.iter().flat_map(|generation| {
            (0..generation.partitions)
                .map(|partition| TopicPartition::new(Arc::clone(&generation.topic), partition))
        });
        partitions.collect()
    }

    async fn log(&self) -> Check {
        for partition in self.partitions() {
            self.log.watermarks(&partition).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    async fn store(&self) -> Check {
        let read = self.store.read(&Query::one(&Checkpoint::cell_key(1, 0))).await;
        read.map(drop).map_err(|error| error.to_string())
    }

    async fn catalog(&self) -> Check {
        self.view.confirm().await.map(drop).map_err(|error| error.to_string())
    }

    /// Compares with the log's own time of the newest record.
    async fn clock(&self) -> Check {
        let latest = self.clock.now().plus_seconds(CLOCK_BEHIND_MAX_SECONDS);
        for partition in self.partitions() {
            let Some(newest) =
                newest_time(&*self.log, &partition).await.map_err(|error| error.to_string())?
            else {
                continue;
            };
            if newest > latest {
                return Err(format!("the clock is behind {newest}, the time of a record in {partition}"));
            }
        }
        Ok(())
    }

    fn consumer(&self) -> Check {
        let raised = self.alarms.raised();
        let texts: Vec<String> = raised
            .iter()
            .map(|((generation, partition), alarm)| format!("partition {generation}/{partition}: {alarm}"))
            .collect();
        if texts.is_empty() { Ok(()) } else { Err(texts.join("; ")) }
    }

    fn drain(&self) -> Check {
        if self.draining.is_cancelled() { Err("draining".to_owned()) } else { Ok(()) }
    }
}

async fn newest_time(
    log: &dyn Log,
    of: &TopicPartition,
) -> Result<Option<domain::time::Timestamp>, domain::port::LogError> {
    let marks = log.watermarks(of).await?;
    if marks.high == marks.low {
        return Ok(None);
    }
    let records = log.read(of, marks.high - 1, ReadLimit { bytes: 1, wait: Duration::ZERO }).await?;
    Ok(records.first().map(|record| record.timestamp))
}

async fn in_time(check: impl Future<Output = Check>) -> Check {
    timeout(CHECK_MAX, check)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {} s", CHECK_MAX.as_secs())))
}
