//! Values and a small house for tests.

use crate::bootstrap::bootstrap;
use crate::catalog::{Catalog, Wish};
use crate::command::{Change, Command};
use crate::fold::Settled;
use crate::plan::PlanDocument;
use crate::resource::{Aggregation, Contract, Declared, Sku, Tenant, TenantStatus, Term, Text};
use crate::state::State;
use crate::view::View;
use backends::memory::{ManualClock, MemoryLog, MemoryStore};
use domain::aggregate::{Row, RowKey};
use domain::calendar::Calendar;
use domain::dimension::{Dimensions, Group};
use domain::generation::{Generation, Incarnation};
use domain::id::{ContractId, PlanId, PulseId, ResourceId, SkuId, Source, TenantId, UnitId};
use domain::port::{CellStore, Clock, Log, TopicPartition};
use domain::position::Position;
use domain::pulse::Pulse;
use domain::quantity::Quantity;
use domain::table::Cell;
use domain::time::Timestamp;
use domain::topic::{CATALOG, REVISIONS, partition_of_tenant};
use domain::unit::{Unit, parse_factor};
use proto::blob::Blob;
use proto::published::{Revision, to_record};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// When tests begin.
pub const NOW: &str = "2026-03-10T12:00:00Z";
/// Two tokens cost a cent: 0.50 USD the hundred.
pub const PLAN: &str = r#"{"plan":"llm","currency":"USD","effective_time":"2026-01-01T00:00:00Z","prices":[{"id":"input","sku":"llm.input","unit":"token","per":"100","model":"per_unit","price":"0.50"}]}"#;

pub fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub fn tenant(id: &str) -> Change {
    let tenant = Tenant { name: Text::parse(id, "name").unwrap(), status: TenantStatus::Active };
    Change::PutTenant(TenantId::parse(id).unwrap(), tenant)
}

pub fn sku(id: &str, unit: &str, dimensions: &[&str]) -> Change {
    let sku = Sku {
        unit: UnitId::parse(unit).unwrap(),
        description: Text::default(),
        service_category: Text::default(),
        dimensions: Declared::parse(dimensions.iter().copied()).unwrap(),
        aggregation: Aggregation::Sum,
    };
    Change::PutSku(SkuId::parse(id).unwrap(), sku)
}

pub fn unit(id: &str, dimension: &str, factor: &str) -> Change {
    let unit = Unit { dimension: dimension.to_owned(), factor: parse_factor(factor).unwrap() };
    Change::PutUnit(UnitId::parse(id).unwrap(), unit)
}

pub fn plan(document: &str) -> Change {
    let document = PlanDocument::parse(document).unwrap();
    Change::PublishPlan(document.plan().id().clone(), document.plan().canonical().into())
}

pub fn contract(id: &str, tenant: &str, start: &str, end: Option<&str>) -> (ContractId, Contract) {
    let contract = Contract {
        tenant: TenantId::parse(tenant).unwrap(),
        plan: PlanId::parse("llm").unwrap(),
        plan_version: None,
        term: Term::new(at(start), end.map(at)).unwrap(),
        calendar: Calendar::utc(),
    };
    (ContractId::parse(id).unwrap(), contract)
}

pub fn put((id, contract): (ContractId, Contract)) -> Change {
    Change::PutContract(id, contract)
}

/// A command without condition or key, at [`NOW`].
pub fn command(change: Change) -> Command {
    Command {
        author: "test".to_owned(),
        idempotency_key: None,
        expected_revision: None,
        arrival_time: at(NOW),
        change,
    }
}

pub fn first_generation() -> (Generation, Incarnation) {
    let incarnation = Incarnation { number: 1, log_id: "log".into(), first_offsets: vec![0; 4] };
    (Generation::first([7; 16], 4), incarnation)
}

/// A pulse of one.
pub fn pulse(
    tenant: &str,
    sku: &str,
    unit: &str,
    dimensions: &[(&str, &str)],
    event_time: Timestamp,
) -> Pulse {
    Pulse {
        id: PulseId::parse("p-1", "id").unwrap(),
        source: Source::parse("").unwrap(),
        tenant: TenantId::parse(tenant).unwrap(),
        sku: SkuId::parse(sku).unwrap(),
        quantity: Quantity::from_integer(1).unwrap(),
        unit: UnitId::parse(unit).unwrap(),
        event_time,
        interval_end_time: None,
        dimensions: Dimensions::parse(dimensions.iter().copied()).unwrap(),
        resource_id: ResourceId::parse("").unwrap(),
        corrects_id: None,
    }
}

/// A row of one hour that holds that many tokens of `llm.input` in its first quarter, and its key.
pub fn tokens(tenant: &str, hour: &str, tokens: i64) -> (RowKey, Row) {
    let start = at(hour);
    let key = RowKey {
        tenant: TenantId::parse(tenant).unwrap(),
        sku: SkuId::parse("llm.input").unwrap(),
        unit: UnitId::parse("token").unwrap(),
        group: Group::none(),
        hour: start.hour(),
        posted: None,
        generation: 1,
        partition: 0,
    };
    let mut row = Row::default();
    row.apply(Position::new(0, 0), start.quarter(), Quantity::from_integer(tokens).unwrap());
    (key, row)
}

/// What most tests begin with: generation and rules, tenant `acme`, SKU `llm.input` in tokens by region, and its plan.
pub fn beginning() -> Vec<Change> {
    let (generation, incarnation) = first_generation();
    vec![
        Change::AddGeneration(generation, incarnation),
        Change::SetRules(1),
        tenant("acme"),
        sku("llm.input", "token", &["region"]),
        plan(PLAN),
    ]
}

/// The state after [`beginning`].
pub fn begun() -> State {
    let mut state = State::default();
    for change in beginning() {
        state.apply(&command(change)).unwrap().unwrap();
    }
    state
}

/// The partition of a tenant's triggers.
pub fn partition_of(tenant: &TenantId) -> u32 {
    partition_of_tenant(tenant, 4)
}

/// A catalogue on a log in memory, begun and followed.
pub struct House {
    pub log: Arc<MemoryLog>,
    pub store: Arc<MemoryStore>,
    pub clock: Arc<ManualClock>,
    pub catalog: Catalog,
    pub shutdown: CancellationToken,
    pub tracker: TaskTracker,
}

impl House {
    /// With only generation and rules in its catalogue.
    pub async fn empty() -> Self {
        let clock = Arc::new(ManualClock::at(at(NOW)));
        let log = Arc::new(MemoryLog::new(Arc::clone(&clock) as Arc<dyn Clock>));
        log.declare(CATALOG, 1);
        log.declare(REVISIONS, 4);
        let (generation, incarnation) = first_generation();
        bootstrap(&*log, &*clock, generation, incarnation).await.unwrap();
        let (shutdown, tracker) = (CancellationToken::new(), TaskTracker::new());
        let view = Self::open(&log, &clock, &shutdown, &tracker).await;
        Self { log, store: Arc::default(), clock, catalog: Catalog::new(view), shutdown, tracker }
    }

    /// With [`beginning`] in its catalogue.
    pub async fn begun() -> Self {
        let house = Self::empty().await;
        for change in beginning().into_iter().skip(2) {
            house.submit(change).await;
        }
        house
    }

    /// Counts usage as the consumer does: the row's cell first, then its revision. Returns the revision's offset.
    pub async fn count(&self, (key, row): (RowKey, Row)) -> u64 {
        let timestamp = row.position.raw();
        let cell = Cell { key: key.cell_key(), timestamp, value: row.to_blob() };
        self.store.write(vec![cell]).await.unwrap();
        let to = TopicPartition::new(REVISIONS, partition_of(&key.tenant));
        self.log.append(&to, vec![to_record(&Revision { key, row })]).await.unwrap()[0]
    }

    /// Another process's view of the same log.
    pub async fn another_view(&self) -> View {
        Self::open(&self.log, &self.clock, &self.shutdown, &self.tracker).await
    }

    /// Submits a change that must hold.
    pub async fn submit(&self, change: Change) -> Settled {
        self.catalog.submit(wish(change)).await.unwrap().unwrap()
    }

    async fn open(
        log: &Arc<MemoryLog>,
        clock: &Arc<ManualClock>,
        shutdown: &CancellationToken,
        tracker: &TaskTracker,
    ) -> View {
        let (log, clock) = (Arc::clone(log) as Arc<dyn Log>, Arc::clone(clock) as Arc<dyn Clock>);
        View::open(log, clock, shutdown.clone(), tracker).await.unwrap()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

pub fn wish(change: Change) -> Wish {
    Wish { author: "test".to_owned(), idempotency_key: None, expected_revision: None, change }
}
