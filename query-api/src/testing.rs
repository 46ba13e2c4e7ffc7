//! A house in memory for tests of the endpoints: the catalogue, a store, a log, a clock that stands still.

use crate::{Config, Ports, QueryApi, build, routes};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use backends::memory::{ManualClock, MemoryLog, MemoryStore};
use catalog::bootstrap::bootstrap;
use catalog::catalog::{Catalog, Wish};
use catalog::command::Change;
use catalog::plan::PlanDocument;
use catalog::resource::{Aggregation, Contract, Declared, Sku, Tenant, TenantStatus, Term, Text};
use catalog::view::View;
use domain::aggregate::RowKey;
use domain::calendar::{Calendar, Period};
use domain::checkpoint::{Checkpoint, watermark_key};
use domain::dimension::Group;
use domain::generation::Generation;
use domain::id::{ContractId, SkuId, TenantId, UnitId};
use domain::port::{CellStore, Log};
use domain::position::Position;
use domain::quantity::Quantity;
use domain::table::{Cell, CellKey};
use domain::time::Timestamp;
use domain::topic::{CATALOG, REVISIONS};
use proto::blob::Blob;
use rest::page::PageKey;
use serde_json::Value;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use utoipa::openapi::OpenApi;

pub mod events;
pub mod records;

pub const NOW: &str = "2026-03-10T14:37:12Z";

pub const PLAN: &str = r#"
plan: llm
currency: USD
effective_time: 2026-01-01T00:00:00Z
prices:
  - {id: input, sku: llm.input, unit: token, per: "1000", model: per_unit, price: "3.00"}
"#;

pub struct House {
    pub store: Arc<MemoryStore>,
    pub log: Arc<MemoryLog>,
    pub view: View,
    pub clock: Arc<ManualClock>,
    pub shutdown: CancellationToken,
    pub query: QueryApi,
    pub openapi: OpenApi,
    pub router: Router,
}

/// Usage to be counted: tenant, SKU, unit, time, quantity.
pub type Usage<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str);

pub fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

impl House {
    /// An empty catalogue and nothing counted.
    pub async fn open() -> Self {
        let clock = Arc::new(ManualClock::at(at(NOW)));
        let log = Arc::new(MemoryLog::new(clock.clone()));
        let generation = Generation::first([7; 16], 2);
        log.declare(CATALOG, 1);
        log.declare(REVISIONS, 1);
        log.declare(&generation.topic, generation.partitions);
        let incarnation = log.incarnation(&generation.topic).await.unwrap();
        bootstrap(&*log, &*clock, generation, incarnation).await.unwrap();
        let view = View::open(log.clone(), clock.clone(), CancellationToken::new(), &TaskTracker::new())
            .await
            .unwrap();
        let store = Arc::new(MemoryStore::new());
        let shutdown = CancellationToken::new();
        let ports = Ports {
            store: store.clone(),
            log: log.clone(),
            view: view.clone(),
            clock: clock.clone(),
            shutdown: shutdown.clone(),
        };
        let query = build(Config { page_key: PageKey::new([9; 16]) }, ports);
        let (router, openapi) = routes(query.clone()).split_for_parts();
        Self { store, log, view, clock, shutdown, query, openapi, router }
    }

    /// With two tenants, a SKU that declares `region`, and a contract of the first over [`PLAN`].
    pub async fn furnished() -> Self {
        let house = Self::open().await;
        for name in ["acme", "globex"] {
            let value = Tenant { name: Text::default(), status: TenantStatus::Active };
            house.submit(Change::PutTenant(tenant(name), value)).await;
        }
        house.put_sku("llm.input", ["region"]).await;
        let plan = PlanDocument::parse(PLAN).unwrap().into_plan();
        house.submit(Change::PublishPlan(plan.id().clone(), plan.canonical().into())).await;
        let contract = Contract {
            tenant: tenant("acme"),
            plan: plan.id().clone(),
            plan_version: None,
            term: Term::new(at("2026-01-01T00:00:00Z"), None).unwrap(),
            calendar: Calendar::utc(),
        };
        house.submit(Change::PutContract(ContractId::parse("acme-1").unwrap(), contract)).await;
        house
    }

    /// Puts a SKU that counts tokens.
    pub async fn put_sku<const N: usize>(&self, id: &str, dimensions: [&str; N]) {
        let sku = Sku {
            unit: UnitId::parse("token").unwrap(),
            description: Text::default(),
            service_category: Text::default(),
            dimensions: Declared::parse(dimensions).unwrap(),
            aggregation: Aggregation::Sum,
        };
        self.submit(Change::PutSku(SkuId::parse(id).unwrap(), sku)).await;
    }

    pub async fn submit(&self, change: Change) {
        let wish = Wish { author: "test".into(), idempotency_key: None, expected_revision: None, change };
        Catalog::new(self.view.clone()).submit(wish).await.unwrap().unwrap();
    }

    pub async fn get(&self, uri: &str) -> (u16, Value) {
        let response =
            self.router.clone().oneshot(Request::get(uri).body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), 10_000_000).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    /// The answer in that format.
    pub async fn text(&self, uri: &str, accept: &str) -> String {
        let request = Request::get(uri).header("accept", accept).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200, "{uri}");
        let bytes = to_bytes(response.into_body(), 10_000_000).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    /// The answer where there is one.
    pub async fn items(&self, uri: &str) -> Vec<Value> {
        let (status, body) = self.get(uri).await;
        assert_eq!(status, 200, "{uri}: {body}");
        body["items"].as_array().unwrap().clone()
    }

    pub async fn put(&self, key: CellKey, timestamp: i64, value: &impl Blob) {
        self.store.write(vec![Cell { key, timestamp, value: value.to_blob() }]).await.unwrap();
    }

    /// Counts usage without a group, each a row of its own hour; `offset` keeps rows apart.
    pub async fn count(&self, all: &[Usage<'_>]) {
        for (offset, usage) in (1_u64..).zip(all) {
            self.count_as(*usage, "", None, offset).await;
        }
    }

    pub async fn count_as(&self, usage: Usage<'_>, group: &str, posted: Option<&str>, offset: u64) {
        let (payer, sku, unit, time, quantity) = usage;
        let registry = self.view.state().registry().unwrap().clone();
        let (generation, partition) = registry.partitions_of(payer).remove(0);
        let key = RowKey {
            tenant: tenant(payer),
            sku: SkuId::parse(sku).unwrap(),
            unit: UnitId::parse(unit).unwrap(),
            group: Group::from_canonical(group),
            hour: at(time).hour(),
            posted: posted.map(|period| Period::parse(period).unwrap()),
            generation: generation.number,
            partition,
        };
        let position = Position::new(offset, 0);
        self.add(key, position, at(time), Quantity::parse(quantity).unwrap()).await;
    }

    /// Sets the watermark of every partition.
    pub async fn reach(&self, time: &str) {
        for partition in 0..2 {
            self.put(watermark_key(1, partition), at(time).nanos(), &at(time)).await;
        }
    }

    pub async fn put_checkpoint(&self, partition: u32, checkpoint: &Checkpoint) {
        self.put(Checkpoint::cell_key(1, partition), checkpoint.position().raw(), checkpoint).await;
    }
}
