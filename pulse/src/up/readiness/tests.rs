//! Everything that keeps a server from being ready, each made to happen.

use super::*;
use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use backends::memory::{ManualClock, MemoryLog, MemoryStore, ReadFault};
use bytes::Bytes;
use catalog::bootstrap::bootstrap;
use catalog::command::{Change, Command, encode};
use domain::generation::Generation;
use domain::port::{Chunk, NewRecord, StoreError};
use domain::table::Cell;
use domain::topic::CATALOG;
use std::sync::Mutex as Lock;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::sleep;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

const NOW: i64 = 1_767_225_600;
const BOUNDS: Bounds = Bounds { disk_free_bytes_min: 1_000, lag_seconds_max: 300 };

/// Ground that does what it is told.
struct Told {
    free: AtomicU64,
    refusal: Lock<Option<LogError>>,
}

#[async_trait]
impl Disk for Told {
    async fn write(&self) -> Result<(), LogError> {
        self.refusal.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    fn free_bytes(&self) -> Option<u64> {
        Some(self.free.load(Ordering::Relaxed)).filter(|free| *free < u64::MAX)
    }
}

#[async_trait]
impl Brokers for Told {
    async fn check_writable(&self, topic: &str) -> Result<(), LogError> {
        let refusal = |error| LogError::Unavailable(format!("{topic}: {error}"));
        self.refusal.lock().unwrap().clone().map_or(Ok(()), |error| Err(refusal(error)))
    }
}

/// A store that never answers.
struct Silent;

#[async_trait]
impl CellStore for Silent {
    async fn write(&self, _: Vec<Cell>) -> Result<(), StoreError> {
        std::future::pending().await
    }

    async fn read(&self, _: &Query) -> Result<Chunk, StoreError> {
        std::future::pending().await
    }
}

/// A house in memory with one generation of two partitions.
pub struct House {
    log: Arc<MemoryLog>,
    pub store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
    ground: Arc<Told>,
    stop: CancellationToken,
    tracker: TaskTracker,
    pub readiness: Readiness,
}

fn topic() -> Arc<str> {
    Generation::first([1; 16], 2).topic
}

impl House {
    pub async fn new() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(NOW)));
        let log = Arc::new(MemoryLog::new(Arc::clone(&clock) as Arc<dyn Clock>));
        let first = Generation::first([1; 16], 2);
        log.declare(CATALOG, 1);
        log.declare(&first.topic, 2);
        let incarnation = log.incarnation(&first.topic).await.unwrap();
        bootstrap(&*log, &*clock, first, incarnation).await.unwrap();
        let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
        let view = View::open(Arc::clone(&log) as _, Arc::clone(&clock) as _, stop.clone(), &tracker);
        let view = view.await.unwrap();
        let store = Arc::new(MemoryStore::new());
        let ground = Arc::new(Told { free: AtomicU64::new(1_000), refusal: Lock::default() });
        let readiness = Readiness {
            roles: Role::ALL.to_vec(),
            log: Arc::clone(&log) as _,
            store: Arc::clone(&store) as _,
            ground: Ground::Disk(Arc::clone(&ground) as _),
            clock: Arc::clone(&clock) as _,
            clock_looked: Arc::default(),
            view,
            alarms: Alarms::default(),
            pricing: Standing::default(),
            memory: Memory::new(u64::MAX),
            draining: CancellationToken::new(),
            bounds: BOUNDS,
        };
        Self { log, store, clock, ground, stop, tracker, readiness }
    }

    /// Its log is on brokers from now on.
    fn on_brokers(&mut self) {
        self.readiness.ground = Ground::Brokers(Arc::clone(&self.ground) as _);
    }

    /// What `/readyz` answers.
    async fn ask(&self) -> (u16, Value) {
        let request = Request::get("/readyz").body(Body::empty()).unwrap();
        let response = self.readiness.routes().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// Asserts that exactly this check fails, and returns what it says.
    async fn only_failure(&self, name: &str) -> String {
        let (status, body) = self.ask().await;
        assert_eq!((status, &body["status"]), (503, &json!("not ready")), "{body}");
        let failed: Vec<_> =
            body["checks"].as_object().unwrap().iter().filter(|(_, text)| **text != "ok").collect();
        assert_eq!(failed.len(), 1, "{body}");
        assert_eq!(failed[0].0, name);
        failed[0].1.as_str().unwrap().to_owned()
    }

    async fn append(&self, partition: u32) {
        let record = NewRecord { value: Bytes::from_static(b"x"), headers: Vec::new() };
        self.log.append(&TopicPartition::new(topic(), partition), vec![record]).await.unwrap();
    }

    async fn count_up_to(&self, partition: u32, seconds: i64) {
        let timestamp = Timestamp::from_seconds(seconds).micros();
        let cell = Cell { key: watermark_key(1, partition), timestamp, value: Bytes::from_static(b"w") };
        self.store.write(vec![cell]).await.unwrap();
    }
}

#[tokio::test]
async fn a_new_house_is_ready_and_names_what_it_looked_at() {
    let house = House::new().await;
    let ok =
        |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), json!("ok"))).collect::<Map<_, _>>();
    let names = ["log", "store", "disk", "catalog", "clock", "lag", "consumer", "pricing", "memory", "drain"];
    assert_eq!(house.ask().await, (200, json!({"status": "ready", "checks": ok(&names)})));
}

#[tokio::test]
async fn a_role_looks_at_what_it_cannot_work_without() {
    let mut house = House::new().await;
    let mut looked = async |roles: &[Role]| {
        house.readiness.roles = roles.to_vec();
        let (status, body) = house.ask().await;
        assert_eq!(status, 200, "{body}");
        let names: Vec<String> = body["checks"].as_object().unwrap().keys().cloned().collect();
        names.join(" ")
    };
    assert_eq!(looked(&[Role::QueryApi]).await, "catalog drain memory store");
    assert_eq!(looked(&[Role::IngestorApi]).await, "catalog clock disk drain log memory");
    assert_eq!(looked(&[Role::Catalog]).await, "catalog clock disk drain log memory pricing store");
    let all = "catalog clock consumer disk drain lag log memory store";
    assert_eq!(looked(&[Role::IngestorConsumer]).await, all);
    assert_eq!(looked(&Role::ALL).await, "catalog clock consumer disk drain lag log memory pricing store");
    house.on_brokers();
    let (_, body) = house.ask().await;
    assert!(body["checks"].get("disk").is_none(), "{body}");
}

#[tokio::test]
async fn one_role_may_be_ready_where_another_is_not() {
    let house = House::new().await;
    house.store.script_reads([Some(ReadFault::Unavailable); 2]);
    let verdict = house.readiness.judge().await;
    assert!(!verdict.is_ready());
    let ready: Vec<bool> = Role::ALL.iter().map(|role| verdict.is_ready_for(*role)).collect();
    assert_eq!(ready, [true, false, false, false], "pulses are taken in");
}

#[tokio::test]
async fn a_process_lives_whatever_it_is_ready_for() {
    let house = House::new().await;
    house.readiness.draining.cancel();
    let request = Request::get("/livez").body(Body::empty()).unwrap();
    let response = house.readiness.routes().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_log_that_takes_nothing_is_named_with_the_reason() {
    let house = House::new().await;
    *house.ground.refusal.lock().unwrap() = Some(LogError::Overloaded("the disk is full".to_owned()));
    assert!(house.only_failure("log").await.contains("the disk is full"));
    *house.ground.refusal.lock().unwrap() = None;
    assert_eq!(house.ask().await.0, 200, "the disk has room again");
}

#[tokio::test]
async fn brokers_that_would_acknowledge_nothing_are_named_with_the_topic() {
    let mut house = House::new().await;
    house.on_brokers();
    assert_eq!(house.ask().await.0, 200);
    *house.ground.refusal.lock().unwrap() = Some(LogError::Unavailable("no leader".to_owned()));
    for (role, named) in [
        (Role::IngestorApi, &*topic()),
        (Role::IngestorConsumer, "processor-storage-consumption"),
        (Role::Catalog, "catalog"),
    ] {
        house.readiness.roles = vec![role];
        let text = house.only_failure("log").await;
        assert!(text.contains(named) && text.contains("no leader"), "{text}");
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_read_fails_what_needs_it() {
    let house = House::new().await;
    house.store.script_reads([Some(ReadFault::Unavailable); 2]);
    let (status, body) = house.ask().await;
    assert_eq!(status, 503);
    assert_ne!(body["checks"]["store"], "ok");
    assert_eq!(house.ask().await.0, 200, "the store is back");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_is_given_up_after_its_time() {
    let mut house = House::new().await;
    house.readiness.store = Arc::new(Silent);
    let (status, body) = house.ask().await;
    assert_eq!((status, &body["checks"]["store"]), (503, &json!("no answer within 2 s")));
    assert_eq!(body["checks"]["log"], "ok", "one check does not hold up another");
}

#[tokio::test]
async fn room_on_the_disk_counts_down_to_its_bound() {
    let house = House::new().await;
    for (free, is_ready) in [(1_000, true), (999, false), (0, false), (u64::MAX, true)] {
        house.ground.free.store(free, Ordering::Relaxed);
        assert_eq!(house.ask().await.0 == 200, is_ready, "{free}");
    }
    house.ground.free.store(12, Ordering::Relaxed);
    assert_eq!(house.only_failure("disk").await, "12 bytes are free, below disk_free_bytes_min 1000");
}

#[tokio::test]
async fn a_clock_a_minute_behind_the_log_is_tolerated_and_more_is_not() {
    let house = House::new().await;
    house.append(1).await;
    house.clock.advance(-60);
    assert_eq!(house.ask().await.0, 200);
    house.clock.advance(-1);
    let text = house.only_failure("clock").await;
    assert!(text.contains("2026-01-01T00:00:00Z") && text.contains("/1"), "{text}");
}

#[tokio::test]
async fn brokers_are_asked_about_one_partition_a_minute() {
    let mut house = House::new().await;
    house.on_brokers();
    for partition in [0, 1] {
        house.append(partition).await;
    }
    house.clock.advance(-60);
    assert_eq!(house.ask().await.0, 200);
    house.clock.advance(59);
    assert_eq!(house.ask().await.0, 200);
    house.clock.advance(-60);
    let named = house.only_failure("clock").await;
    house.clock.advance(-60);
    let other = house.only_failure("clock").await;
    assert_ne!(named, other, "each has its turn");
    house.clock.advance(-30);
    assert_eq!(house.only_failure("clock").await, other, "it is the same minute");
}

#[tokio::test]
async fn counting_that_falls_behind_is_named_with_its_partition() {
    let house = House::new().await;
    house.count_up_to(0, NOW).await;
    house.count_up_to(1, NOW - 300).await;
    assert_eq!(house.ask().await.0, 200, "at its bound");
    house.clock.advance(1);
    let text = house.only_failure("lag").await;
    assert!(text.contains("/1 is counted up to 2025-12-31T23:55:00Z"), "{text}");
    house.count_up_to(1, NOW).await;
    assert_eq!(house.ask().await.0, 200, "it has caught up");
}

#[tokio::test]
async fn a_partition_that_stopped_is_named_with_its_alarm() {
    let mut house = House::new().await;
    house.log.recreate(&topic(), 2, vec![0, 0]);
    let ports = ingestor_consumer::Ports {
        log: Arc::clone(&house.log) as _,
        store: Arc::clone(&house.store) as _,
        clock: Arc::clone(&house.clock) as _,
        registry: Arc::new(house.readiness.view.clone()),
    };
    let config = ingestor_consumer::Config::default();
    house.readiness.alarms = ingestor_consumer::start(config, ports, &house.stop, &house.tracker);
    while house.readiness.alarms.raised().len() < 2 {
        sleep(Duration::from_millis(5)).await;
    }
    let text = house.only_failure("consumer").await;
    assert!(text.starts_with("partition 1/0: ") && text.contains("; partition 1/1: "), "{text}");
    assert!(text.contains("restore the log or register its incarnation"), "{text}");
    house.stop.cancel();
}

/// The first generation has pulses that are not counted, and the newest has none.
#[tokio::test]
async fn every_generation_that_may_hold_what_is_not_counted_is_looked_at() {
    let house = House::new().await;
    let valid_from = Timestamp::from_seconds(NOW + 900);
    let second = Generation {
        number: 2,
        topic: "resource-consumption.g2".into(),
        valid_from,
        ..Generation::first([1; 16], 2)
    };
    let ledger_days = 45;
    house.log.declare(&second.topic, 2);
    let incarnation = house.log.incarnation(&second.topic).await.unwrap();
    let add = Command {
        author: "operator".to_owned(),
        idempotency_key: None,
        expected_revision: None,
        arrival_time: house.clock.now(),
        change: Change::AddGeneration(second, incarnation),
    };
    house.log.append(&TopicPartition::new(CATALOG, 0), vec![encode(&add)]).await.unwrap();
    house.readiness.view.confirm().await.unwrap();
    house.count_up_to(1, NOW - 301).await;
    let text = house.only_failure("lag").await;
    assert!(text.starts_with("resource-consumption.g1/1 is counted up to "), "{text}");
    house.clock.set(valid_from.plus_seconds(ledger_days * 86_400 - 1));
    house.only_failure("lag").await;
    house.clock.advance(1);
    assert_eq!(house.ask().await.0, 200, "nobody writes there any more");
}

#[tokio::test]
async fn a_drain_is_no_time_for_new_work() {
    let house = House::new().await;
    house.readiness.draining.cancel();
    assert_eq!(house.only_failure("drain").await, "draining");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn memory_past_its_bound_sends_new_work_elsewhere() {
    let mut house = House::new().await;
    house.readiness.memory = Memory::new(1);
    let watch = house.readiness.memory.clone().watch();
    let _ = timeout(Duration::from_millis(20), watch).await;
    assert_eq!(house.only_failure("memory").await, "memory_bytes_max is passed");
}

#[tokio::test]
async fn a_catalogue_of_newer_rules_is_named_with_what_to_do() {
    let house = House::new().await;
    let newer = Command {
        author: "upgrade".to_owned(),
        idempotency_key: None,
        expected_revision: None,
        arrival_time: house.clock.now(),
        change: Change::SetRules(9),
    };
    house.log.append(&TopicPartition::new(CATALOG, 0), vec![encode(&newer)]).await.unwrap();
    let text = house.only_failure("catalog").await;
    assert!(text.contains("rules") && text.contains('9') && text.contains("upgrade"), "{text}");
}
