//! `/livez` says the process runs, `/readyz` says it accepts work, or names each thing that keeps it from that.

mod ground;
#[cfg(test)]
pub mod tests;

pub use ground::{Brokers, Disk, Ground};

use super::memory::Memory;
use super::role::Role;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use catalog::Standing;
use catalog::view::View;
use domain::checkpoint::{Checkpoint, watermark_key};
use domain::generation::{Generation, Registry};
use domain::port::{CellStore, Clock, Log, LogError, Query, ReadLimit, TopicPartition, read_all};
use domain::time::Timestamp;
use domain::topic::{CATALOG, DEAD_LETTERS, REVISIONS};
use futures::future::join_all;
use ingestor_consumer::Alarms;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// A check that takes longer has failed.
const CHECK_MAX: Duration = Duration::from_secs(2);
/// How far from the log's time the clock may be.
const CLOCK_APART_MAX_SECONDS: i64 = 60;

/// What is looked at.
#[derive(Clone)]
pub struct Readiness {
    /// Decide what is looked at: what one of them cannot work without.
    pub roles: Vec<Role>,
    /// Must answer.
    pub log: Arc<dyn Log>,
    /// Must answer.
    pub store: Arc<dyn CellStore>,
    /// Must take records, and have room for more.
    pub ground: Ground,
    /// Must not be behind the log's own time.
    pub clock: Arc<dyn Clock>,
    /// In which minute it was last compared with the brokers' time, and what came of it.
    pub clock_looked: Arc<Mutex<Option<(i64, Check)>>>,
    /// Must reach its log's end.
    pub view: View,
    /// Must not be raised.
    pub alarms: Alarms,
    /// Must not stand still.
    pub pricing: Standing,
    /// Must not be short.
    pub memory: Memory,
    /// Must not be cancelled.
    pub draining: CancellationToken,
    /// How far it may be.
    pub bounds: Bounds,
}

/// Past these it is not ready.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes that must be free where the data lies.
    pub disk_free_bytes_min: u64,
    /// Seconds that counting may be behind now.
    pub lag_seconds_max: i64,
}

/// What was found: each check by name, with what is wrong.
pub struct Verdict(Vec<(&'static str, Check)>);

/// Well, or what is wrong.
pub type Check = Result<(), String>;

impl Verdict {
    /// Whether nothing is wrong.
    pub fn is_ready(&self) -> bool {
        self.0.iter().all(|(_, check)| check.is_ok())
    }

    /// Whether nothing is wrong that a role cannot work with.
    pub fn is_ready_for(&self, role: Role) -> bool {
        self.0.iter().all(|(name, check)| check.is_ok() || !role.needs(name))
    }

    fn answer(&self) -> (StatusCode, Json<Value>) {
        let text = |check: &Check| check.clone().err().unwrap_or_else(|| "ok".to_owned());
        let checks: Map<String, Value> =
            self.0.iter().map(|(name, check)| ((*name).to_owned(), text(check).into())).collect();
        let (status, word) = if self.is_ready() {
            (StatusCode::OK, "ready")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready")
        };
        (status, Json(json!({"status": word, "checks": checks})))
    }
}

impl Readiness {
    /// The two resources.
    pub fn routes(&self) -> Router {
        let readiness = self.clone();
        let ready = move || async move { readiness.judge().await.answer() };
        Router::new()
            .route("/livez", get(|| async { Json(json!({"status": "live"})) }))
            .route("/readyz", get(ready))
    }

    /// Looks at everything that the roles need, all at the same time; while draining at nothing else.
    pub async fn judge(&self) -> Verdict {
        let drain = refuse_if(self.draining.is_cancelled(), || "draining".to_owned());
        if drain.is_err() {
            return Verdict(vec![("drain", drain)]);
        }
        let (log, store, catalog, clock, lag) = tokio::join!(
            self.look("log", self.log()),
            self.look("store", self.store()),
            self.look("catalog", self.catalog()),
            self.look("clock", self.clock()),
            self.look("lag", self.lag()),
        );
        let rest = [
            ("disk", self.disk()),
            ("consumer", self.consumer()),
            ("pricing", self.pricing()),
            ("memory", refuse_if(self.memory.is_short(), || "memory_bytes_max is passed".to_owned())),
            ("drain", drain),
        ];
        let rest = rest.into_iter().filter(|(name, _)| self.needs(name));
        Verdict([log, store, catalog, clock, lag].into_iter().flatten().chain(rest).collect())
    }

    async fn look(
        &self,
        name: &'static str,
        check: impl Future<Output = Check>,
    ) -> Option<(&'static str, Check)> {
        if self.needs(name) { Some((name, in_time(check).await)) } else { None }
    }

    /// Brokers look after their disks themselves.
    fn needs(&self, check: &str) -> bool {
        (self.ground.disk().is_some() || check != "disk") && self.roles.iter().any(|role| role.needs(check))
    }

    /// The partitions that are written to or may hold what is not counted, each with its generation's number.
    fn partitions(&self) -> Vec<(u32, TopicPartition)> {
        let (state, now) = (self.view.state(), self.clock.now());
        let generations = state.registry().map(|registry| in_use(registry, now)).unwrap_or_default();
        let partitions = generations.iter().flat_map(|generation| {
            let topic = &generation.topic;
            (0..generation.partitions)
                .map(|partition| (generation.number, TopicPartition::new(Arc::clone(topic), partition)))
        });
        partitions.collect()
    }

    /// Writes, or asks the brokers whether they would take what the roles write; then reads from every partition.
    async fn log(&self) -> Check {
        let partitions = self.partitions();
        self.ground.check_writable(self.written(&partitions)).await.map_err(text)?;
        let reads = join_all(partitions.iter().map(|(_, partition)| self.log.watermarks(partition))).await;
        reads.into_iter().find_map(Result::err).map_or(Ok(()), |error| Err(text(error)))
    }

    /// The topics that the roles append to.
    fn written(&self, pulses: &[(u32, TopicPartition)]) -> BTreeSet<Arc<str>> {
        let topics = self.roles.iter().flat_map(|role| match role {
            Role::IngestorApi => pulses.iter().map(|(_, partition)| Arc::clone(&partition.topic)).collect(),
            Role::IngestorConsumer => vec![REVISIONS.into(), DEAD_LETTERS.into()],
            Role::Catalog => vec![CATALOG.into(), REVISIONS.into()],
            Role::QueryApi => Vec::new(),
        });
        topics.collect()
    }

    async fn store(&self) -> Check {
        self.store.read(&Query::one(&Checkpoint::cell_key(1, 0))).await.map(drop).map_err(text)
    }

    fn disk(&self) -> Check {
        let free = self.ground.disk().and_then(Disk::free_bytes);
        let (Some(free), least) = (free, self.bounds.disk_free_bytes_min) else { return Ok(()) };
        refuse_if(free < least, || format!("{free} bytes are free, below disk_free_bytes_min {least}"))
    }

    async fn catalog(&self) -> Check {
        self.view.confirm().await.map(drop).map_err(text)
    }

    /// Compares with the log's own time of the newest records. Brokers are asked once a minute about one partition: a
    /// read from the end costs them a reader of its own.
    async fn clock(&self) -> Check {
        let (now, partitions) = (self.clock.now(), self.partitions());
        if let Some(log_time) = self.log.time() {
            let apart = now.seconds().abs_diff(log_time.seconds());
            refuse_if(apart > CLOCK_APART_MAX_SECONDS.unsigned_abs(), || {
                format!("the clock shows {now}, and that of the log {log_time}")
            })?;
        }
        if self.ground.disk().is_some() {
            return self.is_not_behind(now, partitions.iter()).await;
        }
        let minute = now.seconds().div_euclid(60);
        let mut looked = self.clock_looked.lock().await;
        if let Some((_, verdict)) = looked.as_ref().filter(|(then, _)| *then == minute) {
            return verdict.clone();
        }
        let turn = usize::try_from(minute).unwrap_or(0) % partitions.len().max(1);
        let verdict = self.is_not_behind(now, partitions.iter().skip(turn).take(1)).await;
        *looked = Some((minute, verdict.clone()));
        verdict
    }

    async fn is_not_behind(
        &self,
        now: Timestamp,
        partitions: impl Iterator<Item = &(u32, TopicPartition)>,
    ) -> Check {
        let latest = now.plus_seconds(CLOCK_APART_MAX_SECONDS);
        for (_, partition) in partitions {
            if let Some(newest) = newest_time(&*self.log, partition).await.map_err(text)? {
                let behind = || format!("the clock is behind {newest}, the time of a record in {partition}");
                refuse_if(newest > latest, behind)?;
            }
        }
        Ok(())
    }

    /// Compares with the time up to which everything is counted. A partition that never counted has nothing to be behind.
    async fn lag(&self) -> Check {
        let earliest = self.clock.now().plus_seconds(-self.bounds.lag_seconds_max);
        for (generation, partition) in self.partitions() {
            let query = Query::one(&watermark_key(generation, partition.partition));
            let cells = read_all(&*self.store, query).await.map_err(text)?;
            let counted =
                cells.first().map(|cell| Timestamp::from_nanos(cell.timestamp.saturating_mul(1_000)));
            if let Some(counted) = counted.filter(|counted| *counted < earliest) {
                let most = self.bounds.lag_seconds_max;
                return Err(format!(
                    "{partition} is counted up to {counted}, further behind than lag_seconds_max {most}"
                ));
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
        refuse_if(!texts.is_empty(), || texts.join("; "))
    }

    fn pricing(&self) -> Check {
        let texts = self.pricing.told();
        refuse_if(!texts.is_empty(), || texts.join("; "))
    }
}

/// The generations without those that nobody writes to any more: their successors hold for longer than ids are remembered.
fn in_use(registry: &Registry, now: Timestamp) -> Vec<Arc<Generation>> {
    let successor = |generation: &Generation| {
        let later = registry.generations().filter(|other| other.valid_from > generation.valid_from);
        later.map(|other| other.valid_from).min()
    };
    let is_in_use = |generation: &Generation| {
        let sealed = successor(generation).map(|from| from.plus_seconds(generation.horizon.ledger_seconds()));
        sealed.is_none_or(|sealed| now < sealed)
    };
    registry.generations().filter(|generation| is_in_use(generation)).cloned().collect()
}

async fn newest_time(log: &dyn Log, of: &TopicPartition) -> Result<Option<Timestamp>, LogError> {
    let marks = log.watermarks(of).await?;
    if marks.high == marks.low {
        return Ok(None);
    }
    let records = log.read(of, marks.high - 1, ReadLimit { bytes: 1, wait: Duration::ZERO }).await?;
    Ok(records.first().map(|record| record.timestamp))
}

async fn in_time(check: impl Future<Output = Check>) -> Check {
    let late = |_| Err(format!("no answer within {} s", CHECK_MAX.as_secs()));
    timeout(CHECK_MAX, check).await.unwrap_or_else(late)
}

fn refuse_if(is_wrong: bool, reason: impl FnOnce() -> String) -> Check {
    if is_wrong { Err(reason()) } else { Ok(()) }
}

fn text(error: impl Display) -> String {
    error.to_string()
}
