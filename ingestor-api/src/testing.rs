//! An edge on memory ports, for tests: the log can be shut, the catalogue can be mended.

use crate::edge::Edge;
use crate::intake::Report;
use crate::{Config, Ports};
use async_trait::async_trait;
use backends::memory::{ManualClock, MemoryLog, MemoryStore};
use domain::calendar::{Calendar, Period};
use domain::dimension::Group;
use domain::generation::{Generation, Incarnation, Registry};
use domain::port::{
    Admission, AdmissionError, Admitted, AssignmentChange, Entry, Log, LogError, NewRecord, ReadLimit,
    RegistryView, TopicPartition, Watermarks,
};
use domain::position::Position;
use domain::pulse::{Pulse, RawPulse, Stamps};
use domain::reject::{Reject, RejectReason};
use domain::time::Timestamp;
use futures::stream::BoxStream;
use proto::record::{Body, Control, RefusedPulse, unpack};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// Partitions of the log.
pub(crate) const PARTITIONS: u32 = 4;
/// Where the clock stands at first.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_769_850_000);

/// The ports of an edge, and the hands on them.
pub(crate) struct House {
    pub clock: Arc<ManualClock>,
    pub log: Arc<GatedLog>,
    pub catalog: Arc<Catalog>,
    pub store: Arc<MemoryStore>,
    pub tracker: TaskTracker,
}

/// What a record holds, at its place: partition and position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Accepted(RawPulse),
    Refused(RefusedPulse),
    Control(Control),
}

impl House {
    pub fn new() -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let memory = MemoryLog::new(Arc::<ManualClock>::clone(&clock));
        let generation = Generation::first([7; 16], PARTITIONS);
        memory.declare(&generation.topic, PARTITIONS);
        Self {
            clock,
            log: Arc::new(GatedLog {
                memory,
                open: watch::Sender::new(true),
                panics: AtomicBool::default(),
                append_time: Mutex::default(),
                time: Mutex::default(),
            }),
            catalog: Arc::new(Catalog::new(generation)),
            store: Arc::new(MemoryStore::new()),
            tracker: TaskTracker::new(),
        }
    }

    pub fn ports(&self) -> Ports {
        Ports {
            log: Arc::clone(&self.log) as _,
            admission: Arc::clone(&self.catalog) as _,
            registry: Arc::clone(&self.catalog) as _,
            clock: Arc::clone(&self.clock) as _,
            store: Arc::clone(&self.store) as _,
            page_key: rest::page::PageKey::new([3; 16]),
        }
    }

    pub fn edge(&self) -> Edge {
        self.edge_with(&Config::default())
    }

    pub fn edge_with(&self, config: &Config) -> Edge {
        Edge::new(config, &self.ports(), self.tracker.clone())
    }

    /// Everything in the log, with arrival times.
    pub async fn records(&self) -> Vec<(u32, u64, Timestamp, Body)> {
        let mut records = Vec::new();
        for partition in 0..PARTITIONS {
            let from = TopicPartition::new("resource-consumption.g1", partition);
            let limit = ReadLimit { bytes: usize::MAX, wait: Duration::ZERO };
            for entry in self.log.read(&from, 0, limit).await.unwrap() {
                let unpacked = unpack(&entry).unwrap();
                assert_eq!((unpacked.envelope.generation, unpacked.envelope.incarnation), (1, 1));
                records.push((partition, entry.offset, unpacked.envelope.arrival, unpacked.body));
            }
        }
        records
    }

    /// Everything in the log, pulse by pulse.
    pub async fn kept(&self) -> Vec<(u32, Position, Kept)> {
        let mut all = Vec::new();
        for (partition, offset, _, body) in self.records().await {
            let kept: Vec<Kept> = match body {
                Body::Pulses(pulses) => {
                    let accepted = pulses.accepted().map(|view| Kept::Accepted(view.to_raw()));
                    accepted.chain(pulses.refused().iter().cloned().map(Kept::Refused)).collect()
                }
                Body::Control(control) => vec![Kept::Control(control)],
            };
            let placed = kept.into_iter().enumerate();
            all.extend(placed.map(|(index, kept)| (partition, Position::new(offset, index), kept)));
        }
        all
    }

    /// The ids of the accepted pulses in the log.
    pub async fn accepted_ids(&self) -> Vec<String> {
        let ids = self.kept().await.into_iter().filter_map(|(_, _, kept)| match kept {
            Kept::Accepted(raw) => Some(raw.id),
            _ => None,
        });
        ids.collect()
    }
}

/// A valid pulse of that id.
pub(crate) fn raw(id: &str) -> RawPulse {
    RawPulse {
        id: id.into(),
        source: "meter-1".into(),
        tenant: "acme".into(),
        sku: "llm.input".into(),
        quantity: "1".into(),
        unit: "token".into(),
        event_time: Some(NOW.into()),
        ..RawPulse::default()
    }
}

/// A report of that pulse.
pub(crate) fn report(raw: RawPulse) -> Report {
    Report { raw, bytes: 100, ..Report::default() }
}

/// A log whose appends wait while it is shut.
pub(crate) struct GatedLog {
    pub memory: MemoryLog,
    open: watch::Sender<bool>,
    panics: AtomicBool,
    append_time: Mutex<Duration>,
    time: Mutex<Option<Timestamp>>,
}

impl GatedLog {
    /// How long each append takes from now on.
    pub fn take_for_an_append(&self, time: Duration) {
        *self.append_time.lock().unwrap() = time;
    }

    /// What the log's own clock shows from now on.
    pub fn tell_time(&self, time: Timestamp) {
        *self.time.lock().unwrap() = Some(time);
    }

    pub fn shut(&self) {
        self.open.send_replace(false);
    }

    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// The next append ends in a panic.
    pub fn panic_once(&self) {
        self.panics.store(true, Ordering::Release);
    }
}

#[async_trait]
impl Log for GatedLog {
    async fn append(&self, to: &TopicPartition, records: Vec<NewRecord>) -> Result<Vec<u64>, LogError> {
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
        let append_time = *self.append_time.lock().unwrap();
        tokio::time::sleep(append_time).await;
        assert!(!self.panics.swap(false, Ordering::AcqRel), "as it was told");
        self.memory.append(to, records).await
    }

    async fn read(
        &self,
        from: &TopicPartition,
        offset: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Entry>, LogError> {
        self.memory.read(from, offset, limit).await
    }

    async fn watermarks(&self, of: &TopicPartition) -> Result<Watermarks, LogError> {
        self.memory.watermarks(of).await
    }

    async fn incarnation(&self, topic: &str) -> Result<Incarnation, LogError> {
        self.memory.incarnation(topic).await
    }

    fn time(&self) -> Option<Timestamp> {
        *self.time.lock().unwrap()
    }

    fn assignments(&self, generation: Arc<Generation>) -> BoxStream<'static, AssignmentChange> {
        self.memory.assignments(generation)
    }
}

/// A catalogue that knows every tenant but `nobody`, and the SKUs it was told.
pub(crate) struct Catalog {
    registry: Arc<Registry>,
    state: Mutex<State>,
}

struct State {
    skus: BTreeSet<String>,
    is_stale: bool,
}

impl Catalog {
    fn new(generation: Generation) -> Self {
        let incarnation =
            Incarnation { number: 1, log_id: "memory-1".into(), first_offsets: vec![0; PARTITIONS as usize] };
        let state = State { skus: BTreeSet::from(["llm.input".to_owned()]), is_stale: false };
        Self { registry: Arc::new(Registry::new(generation, incarnation)), state: Mutex::new(state) }
    }

    pub fn put_sku(&self, sku: &str) {
        self.state.lock().unwrap().skus.insert(sku.to_owned());
    }

    pub fn set_stale(&self, is_stale: bool) {
        self.state.lock().unwrap().is_stale = is_stale;
    }

    fn decide(&self, pulse: &Pulse) -> Result<Stamps, Reject> {
        if pulse.tenant.as_str() == "nobody" {
            return Err(Reject::new(RejectReason::UnknownTenant, "tenant", "names no tenant"));
        }
        if !self.state.lock().unwrap().skus.contains(pulse.sku.as_str()) {
            return Err(Reject::new(RejectReason::UnknownSku, "sku", "names no SKU"));
        }
        let period: Period = Calendar::parse("UTC").unwrap().period_of(pulse.event_time);
        Ok(Stamps { group: Group::none(), calendar: "UTC".into(), period, catalog_offset: 9 })
    }
}

#[async_trait]
impl Admission for Catalog {
    async fn admit(&self, _now: Timestamp, pulses: &[Pulse]) -> Result<Admitted, AdmissionError> {
        if self.state.lock().unwrap().is_stale {
            return Err(AdmissionError("its log cannot be reached".into()));
        }
        let decisions = pulses.iter().map(|pulse| self.decide(pulse)).collect();
        Ok(Admitted { registry: Arc::clone(&self.registry), decisions })
    }
}

impl RegistryView for Catalog {
    fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry)
    }
}
