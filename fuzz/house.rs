//! What the targets have in common: the query API over an empty catalogue in memory, and pulses made from bytes.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use backends::memory::{ManualClock, MemoryLog, MemoryStore};
use catalog::bootstrap::bootstrap;
use catalog::view::View;
use domain::generation::Generation;
use domain::port::Log;
use domain::pulse::{RawPulse, StampedPulse, Stamps};
use domain::time::Timestamp;
use domain::topic::CATALOG;
use query_api::{Config, Ports, build, routes};
use rest::page::PageKey;
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// 2026-03-10T14:37:12Z.
const NOW: Timestamp = Timestamp::from_seconds(1_773_153_432);

/// The query API, and what drives it.
pub struct House {
    runtime: Runtime,
    router: Router,
}

impl House {
    /// Knows no tenant and has counted nothing.
    pub fn open() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
        let router = runtime.block_on(empty());
        Self { runtime, router }
    }

    /// The status of `GET target`; `None`: no client can send that.
    pub fn get(&self, target: &str) -> Option<StatusCode> {
        let request = Request::get(target).body(Body::empty()).ok()?;
        let response = self.runtime.block_on(self.router.clone().oneshot(request));
        Some(response.expect("a router always answers").status())
    }
}

async fn empty() -> Router {
    let clock = Arc::new(ManualClock::at(NOW));
    let log = Arc::new(MemoryLog::new(clock.clone()));
    let generation = Generation::first([7; 16], 2);
    log.declare(CATALOG, 1);
    log.declare(&generation.topic, generation.partitions);
    let incarnation = log.incarnation(&generation.topic).await.expect("it was declared");
    bootstrap(&*log, &*clock, generation, incarnation).await.expect("the log is empty");
    let shutdown = CancellationToken::new();
    let tracker = TaskTracker::new();
    let view = View::open(log.clone(), clock.clone(), shutdown.clone(), &tracker).await;
    let view = view.expect("the catalogue has begun");
    let ports = Ports { store: Arc::new(MemoryStore::new()), log, view, clock, shutdown };
    routes(build(Config { page_key: PageKey::new([9; 16]) }, ports)).split_for_parts().0
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
