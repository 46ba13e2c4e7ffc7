//! A consumer on one partition in memory.

use backends::memory::{ManualClock, MemoryLog, MemoryStore};
use domain::aggregate::Row;
use domain::calendar::Calendar;
use domain::checkpoint::Checkpoint;
use domain::dead_letter::DeadLetter;
use domain::generation::{Generation, Incarnation, Registry};
use domain::port::{Clock, Header, Log, ReadLimit, RegistryView, TopicPartition};
use domain::pulse::{RawPulse, StampedPulse, Stamps};
use domain::reject::RejectReason;
use domain::table::{AGGREGATE, CHECKPOINT, Cell, DEAD_LETTER, WATERMARK};
use domain::time::Timestamp;
use domain::topic::{DEAD_LETTERS, REVISIONS};
use ingestor_consumer::alarm::Alarm;
use ingestor_consumer::{Alarms, Config, Ports, Spot, start};
use proto::blob::Blob;
use proto::published::{Published, from_entry};
use proto::record::{Envelope, RefusedPulse, pack, to_log};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

struct OneGeneration(Arc<Registry>);

impl RegistryView for OneGeneration {
    fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.0)
    }
}

struct Running {
    alarms: Alarms,
    stop: CancellationToken,
    tracker: TaskTracker,
}

pub struct House {
    pub log: Arc<MemoryLog>,
    pub store: Arc<MemoryStore>,
    pub generation: Arc<Generation>,
    clock: Arc<ManualClock>,
    ports: Ports,
    running: Mutex<Running>,
}

impl House {
    pub async fn start() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::parse("2026-03-10T08:00:00Z").unwrap()));
        let log = Arc::new(MemoryLog::new(clock.clone()));
        let generation = Generation::first([3; 16], 1);
        log.declare(&generation.topic, 1);
        log.declare(REVISIONS, 2);
        log.declare(DEAD_LETTERS, 1);
        let incarnation: Incarnation = log.incarnation(&generation.topic).await.unwrap();
        let registry = Arc::new(Registry::new(generation, incarnation));
        let generation = Arc::clone(registry.newest());
        let store = Arc::new(MemoryStore::new());
        let ports = Ports {
            log: log.clone(),
            store: store.clone(),
            clock: clock.clone(),
            registry: Arc::new(OneGeneration(registry)),
        };
        let running = Mutex::new(run(&ports));
        Self { log, store, generation, clock, ports, running }
    }

    /// Stops as a soft end does, and waits for it.
    pub async fn stop(&self) {
        let tracker = {
            let running = self.running.lock().unwrap();
            running.stop.cancel();
            running.tracker.close();
            running.tracker.clone()
        };
        tracker.wait().await;
    }

    pub async fn restart_with_truncated_log(&self) {
        self.stop().await;
        self.log.truncate(&self.partition(), 0).unwrap();
        *self.running.lock().unwrap() = run(&self.ports);
    }

    fn partition(&self) -> TopicPartition {
        TopicPartition::new(self.generation.topic.clone(), 0)
    }

    /// One record with a pulse of each id; "a" is 1, "b" is 2, and so on.
    pub async fn append(&self, ids: &[&str]) {
        let pulses: Vec<StampedPulse> = ids.iter().map(|id| pulse(id)).collect();
        self.append_value(&pulses, &[]).await;
    }

    pub async fn append_refused(&self, id: &str) {
        let refused = RefusedPulse {
            tenant: "acme".to_owned(),
            reason: RejectReason::UnknownSku,
            field: "sku".to_owned(),
            message: "sku is unknown".to_owned(),
            payload: id.to_owned().into(),
        };
        self.append_value(&[], &[refused]).await;
    }

    /// The same, in a record that names traces.
    pub async fn append_traced(&self, ids: &[&str], parents: &[String]) {
        let pulses: Vec<StampedPulse> = ids.iter().map(|id| pulse(id)).collect();
        let envelope = Envelope { generation: 1, incarnation: 1, arrival: self.clock.now() };
        let mut record = to_log(pack(&envelope, &pulses, &[]));
        record.headers.extend(
            parents
                .iter()
                .map(|parent| Header { name: "traceparent".to_owned(), value: parent.clone().into() }),
        );
        self.log.append(&self.partition(), vec![record]).await.unwrap();
    }

    async fn append_value(&self, pulses: &[StampedPulse], refused: &[RefusedPulse]) {
        let envelope = Envelope { generation: 1, incarnation: 1, arrival: self.clock.now() };
        let record = to_log(pack(&envelope, pulses, refused));
        self.log.append(&self.partition(), vec![record]).await.unwrap();
    }

    pub fn append_foreign(&self) {
        self.append_foreign_of(8);
    }

    pub fn append_foreign_of(&self, bytes: usize) {
        self.log.append_foreign(&self.partition(), vec![b'x'; bytes]).unwrap();
    }

    /// The same in another hour: nothing of it is in memory yet.
    pub async fn append_later(&self, ids: &[&str]) {
        let later = |id: &&str| {
            let mut stamped = pulse(id);
            stamped.pulse.event_time = stamped.pulse.event_time.plus_seconds(3_000);
            stamped
        };
        self.append_value(&ids.iter().map(later).collect::<Vec<_>>(), &[]).await;
    }

    pub fn damage_last(&self) {
        self.log.damage(&self.partition(), 3).unwrap();
    }

    /// Lets paused time pass until so many pulses are read and checkpointed.
    pub async fn counted(&self, read: u64) {
        for _ in 0..600 {
            if self.find_checkpoint().map_or(0, |checkpoint| checkpoint.totals.read) >= read {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{read} pulses were not counted: {:?}", self.find_checkpoint());
    }

    pub async fn settle(&self) {
        tokio::time::sleep(Duration::from_secs(5)).await;
    }

    pub async fn watermark_reaches(&self, time: Timestamp) {
        for _ in 0..600 {
            let cells = self.cells(WATERMARK.name);
            if cells.first().is_some_and(|cell| Timestamp::from_blob(&cell.value).unwrap() >= time) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the watermark did not reach {time}");
    }

    pub async fn alarms_raised(&self) -> Vec<(Spot, Alarm)> {
        for _ in 0..600 {
            let raised = self.running.lock().unwrap().alarms.raised();
            if !raised.is_empty() {
                return raised;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("no alarm was raised");
    }

    pub fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn advance(&self, seconds: i64) {
        self.clock.advance(seconds);
    }

    fn cells(&self, table: &str) -> Vec<Cell> {
        self.store.all().into_iter().filter(|cell| cell.key.table.name == table).collect()
    }

    pub fn find_checkpoint(&self) -> Option<Checkpoint> {
        self.cells(CHECKPOINT.name).first().map(|cell| Checkpoint::from_blob(&cell.value).unwrap())
    }

    pub fn checkpoint(&self) -> Checkpoint {
        self.find_checkpoint().unwrap()
    }

    pub fn find_usage(&self) -> Option<(String, u64)> {
        self.cells(AGGREGATE.name).first().map(|cell| summary(&Row::from_blob(&cell.value).unwrap()))
    }

    /// Sum and count of the one hour there is.
    pub fn usage(&self) -> (String, u64) {
        self.find_usage().unwrap()
    }

    pub fn dead_letters(&self) -> Vec<RejectReason> {
        let letters = self.cells(DEAD_LETTER.name);
        letters.iter().map(|cell| DeadLetter::from_blob(&cell.value).unwrap().reason).collect()
    }

    /// The published revision with the largest position.
    pub async fn published_usage(&self) -> (String, u64) {
        let mut rows = Vec::new();
        for partition in 0..2 {
            for entry in self.read(TopicPartition::new(REVISIONS, partition)).await {
                if let Published::Revision(revision) = from_entry(&entry).unwrap() {
                    rows.push(revision.row);
                }
            }
        }
        summary(rows.iter().max_by_key(|row| row.position).unwrap())
    }

    pub async fn mirrored(&self) -> usize {
        self.read(TopicPartition::new(DEAD_LETTERS, 0)).await.len()
    }

    async fn read(&self, from: TopicPartition) -> Vec<domain::port::Entry> {
        self.log.read(&from, 0, ReadLimit { bytes: 1 << 20, wait: Duration::ZERO }).await.unwrap()
    }
}

fn run(ports: &Ports) -> Running {
    let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
    let alarms = start(Config::default(), ports.clone(), &stop, &tracker);
    Running { alarms, stop, tracker }
}

fn summary(row: &Row) -> (String, u64) {
    let sum: domain::quantity::Sum = row.quarters.iter().map(|quarter| quarter.sum).sum();
    (sum.to_string(), row.count())
}

/// A pulse of an hour ago; its quantity follows from its id.
fn pulse(id: &str) -> StampedPulse {
    let raw = RawPulse {
        id: id.to_owned(),
        tenant: "acme".to_owned(),
        sku: "vm".to_owned(),
        quantity: (id.as_bytes()[0] - b'a' + 1).to_string(),
        unit: "h".to_owned(),
        event_time: Some(Timestamp::parse("2026-03-10T07:10:00Z").unwrap().into()),
        ..RawPulse::default()
    };
    let pulse = raw.parse().unwrap();
    let stamps = Stamps {
        group: pulse.dimensions.group([]),
        calendar: "UTC".into(),
        period: Calendar::utc().period_of(pulse.event_time),
        catalog_offset: 1,
    };
    StampedPulse { pulse, stamps }
}
