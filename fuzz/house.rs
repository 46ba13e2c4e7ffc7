//! What the targets have in common: the whole service in memory, and pulses made from bytes.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::request::Builder;
use axum::http::{Method, Request, Response, StatusCode};
use backends::memory::{ManualClock, MemoryLog, MemoryStore};
use catalog::bootstrap::bootstrap;
use catalog::view::View;
use domain::generation::Generation;
use domain::port::Log;
use domain::pulse::{RawPulse, StampedPulse, Stamps};
use domain::time::Timestamp;
use domain::topic::{CATALOG, DEAD_LETTERS, REVISIONS};
use rest::door::{TraceIds, close};
use rest::page::PageKey;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// 2026-03-10T14:37:12Z.
const NOW: Timestamp = Timestamp::from_seconds(1_773_153_432);

/// A catalogue to bill by: method, path and body of each resource.
const CATALOGUE: [(Method, &str, &str); 4] = [
    (Method::PUT, "/v1/skus/llm.input", r#"{"unit": "token", "dimensions": ["region"], "aggregation": "sum"}"#),
    (Method::PUT, "/v1/tenants/acme", r#"{"name": "Acme", "status": "active"}"#),
    (
        Method::POST,
        "/v1/plans/llm/versions",
        r#"{"plan": "llm", "currency": "USD", "effective_time": "2026-01-01T00:00:00Z", "prices": [
            {"id": "input", "sku": "llm.input", "unit": "token", "per": "1000", "model": "per_unit", "price": "3"}]}"#,
    ),
    (
        Method::PUT,
        "/v1/contracts/acme-1",
        r#"{"tenant": "acme", "plan": "llm", "start_time": "2026-01-01T00:00:00Z"}"#,
    ),
];
/// Usage to ask for: two pulses that count and one that is refused.
const PULSES: &str = r#"{"pulses": [
    {"id": "a-1", "tenant": "acme", "sku": "llm.input", "quantity": "5", "unit": "token",
     "event_time": "2026-03-10T10:07:30Z", "dimensions": {"region": "eu"}},
    {"id": "a-2", "tenant": "acme", "sku": "llm.input", "quantity": "0.25", "unit": "token",
     "event_time": "2026-03-10T14:30:00Z"},
    {"id": "a-3", "tenant": "acme", "sku": "unknown", "quantity": "1", "unit": "token"}]}"#;

/// Every resource over HTTP, and what counts and prices behind them, in memory.
pub struct House {
    runtime: Runtime,
    router: Router,
}

impl House {
    /// Knows a tenant with a contract; nothing is counted.
    pub fn open() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
        let clock = Arc::new(ManualClock::at(NOW));
        let router = runtime.block_on(build(clock.clone()));
        runtime.spawn(tick(clock));
        let house = Self { runtime, router };
        for (method, path, body) in CATALOGUE {
            house.must(Request::builder().method(method).uri(path), body);
        }
        house
    }

    /// With usage that is counted and priced, and a dead letter.
    pub fn with_usage() -> Self {
        let house = Self::open();
        house.must(Request::post("/v1/pulses"), PULSES);
        while !house.shows_charge() {
            house.runtime.block_on(async { tokio::time::sleep(Duration::from_millis(20)).await });
        }
        house
    }

    /// The status of `GET target`; `None`: no client can send that.
    pub fn get(&self, target: &str) -> Option<StatusCode> {
        let request = Request::get(target).body(Body::empty()).ok()?;
        Some(self.ask(request).status())
    }

    /// The answer to a request.
    pub fn ask(&self, request: Request<Body>) -> Response<Body> {
        let response = self.runtime.block_on(self.router.clone().oneshot(request));
        response.expect("a router always answers")
    }

    fn must(&self, request: Builder, body: &'static str) {
        let request = request.header("content-type", "application/json").body(body.into());
        let response = self.ask(request.expect("it is a request"));
        assert!(response.status().is_success(), "{response:?} to {body}");
    }

    fn shows_charge(&self) -> bool {
        let request = Request::get("/v1/charges?tenant=acme&period=2026-03").body(Body::empty());
        let response = self.ask(request.expect("it is a request"));
        let body = self.runtime.block_on(to_bytes(response.into_body(), 1_000_000)).expect("it is short");
        String::from_utf8_lossy(&body).contains("\"amount\"")
    }
}

/// Lets a second pass now and then while something is under way: what waits for a later time sees it come.
async fn tick(clock: Arc<ManualClock>) {
    loop {
        tokio::time::sleep(Duration::from_millis(5)).await;
        clock.advance(1);
    }
}

async fn build(clock: Arc<ManualClock>) -> Router {
    let log = Arc::new(MemoryLog::new(clock.clone()));
    let generation = Generation::first([7; 16], 2);
    for (topic, partitions) in
        [(CATALOG, 1), (REVISIONS, 1), (DEAD_LETTERS, 1), (&*generation.topic, generation.partitions)]
    {
        log.declare(topic, partitions);
    }
    let incarnation = log.incarnation(&generation.topic).await.expect("it was declared");
    bootstrap(&*log, &*clock, generation, incarnation).await.expect("the log is empty");
    let (shutdown, tracker) = (CancellationToken::new(), TaskTracker::new());
    let view = View::open(log.clone(), clock.clone(), shutdown.clone(), &tracker).await;
    let view = view.expect("the catalogue has begun");
    let (store, page_key) = (Arc::new(MemoryStore::new()), PageKey::new([9; 16]));
    let admission = Arc::new(view.clone());

    let ports = ingestor_consumer::Ports {
        log: log.clone(),
        store: store.clone(),
        clock: clock.clone(),
        registry: admission.clone(),
    };
    let config = ingestor_consumer::Config { flush_interval_ms: 10, ..Default::default() };
    ingestor_consumer::start(config, ports, &shutdown, &tracker);
    let ports = catalog::Ports {
        log: log.clone(),
        store: store.clone(),
        view: view.clone(),
        standing: catalog::Standing::default(),
    };
    let config = catalog::Config { pricing_delay_ms: 10 };
    let catalog = catalog::build(config, ports, shutdown.clone(), &tracker);
    let ports = ingestor_api::Ports {
        log: log.clone(),
        admission: admission.clone(),
        registry: admission,
        clock: clock.clone(),
        store: store.clone(),
        page_key: page_key.clone(),
    };
    let edge = ingestor_api::build(ingestor_api::Config::default(), ports, shutdown.clone(), tracker);
    let ports = query_api::Ports { store, log, view, clock: clock.clone(), shutdown };
    let query = query_api::build(query_api::Config { page_key: page_key.clone() }, ports);
    let resources = edge.http().merge(catalog::routes(catalog, page_key)).merge(query_api::routes(query));
    close(resources.split_for_parts().0, TraceIds::new([3; 16]), clock)
}

/// Takes bytes off the front; zeros once there are none.
pub struct Bytes<'a>(pub &'a [u8]);

impl Bytes<'_> {
    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// The next eight bytes as a number.
    pub fn number(&mut self) -> u64 {
        (0..8).fold(0, |number, _| number << 8 | u64::from(self.byte()))
    }

    /// A valid pulse.
    pub fn pulse(&mut self) -> StampedPulse {
        let flags = self.byte();
        let has = |bit: u8| flags & 1 << bit != 0;
        let text = |prefix: &str, byte: u8| format!("{prefix}-{}", byte % 5);
        let place = format!("0.{:012}", self.number() % 1_000_000_000_000);
        let sign = if has(0) { "-" } else { "" };
        let seconds = NOW.seconds() - i64::from(self.byte()) * 997;
        let raw = RawPulse {
            id: if has(1) {
                format!("018f4e2a-0000-7000-8000-{:012x}", self.number() >> 16)
            } else {
                text("id", self.byte())
            },
            source: if has(2) { text("source", self.byte()) } else { String::new() },
            tenant: text("tenant", self.byte()),
            sku: text("sku", self.byte()),
            quantity: if has(3) { format!("{sign}{}", self.number() >> 8) } else { format!("{sign}{place}") },
            unit: text("unit", self.byte()),
            event_time: Some(
                Timestamp::from_nanos(seconds * 1_000_000_000 + i64::from(self.byte()) % 3).into(),
            ),
            interval_end_time: has(4).then(|| Timestamp::from_seconds(seconds + 60).into()),
            dimensions: if has(5) { vec![("region".into(), text("eu", self.byte()))] } else { Vec::new() },
            resource_id: if has(6) { text("vm", self.byte()) } else { String::new() },
            corrects_id: if has(7) { text("id", self.byte()) } else { String::new() },
        };
        let pulse = raw.parse().expect("every field is valid");
        let group = pulse.dimensions.group(["region"]);
        let period = domain::calendar::Period::parse("2026-03").expect("it is a month");
        let stamps = Stamps { group, calendar: "UTC".into(), period, catalog_offset: self.byte().into() };
        StampedPulse { pulse, stamps }
    }
}
