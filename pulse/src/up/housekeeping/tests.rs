//! What is removed and what never is, on real files.

use super::*;
use backends::embedded::Embedded;
use backends::memory::{ManualClock, MemoryStore, ReadFault};
use bytes::Bytes;
use catalog::bootstrap::bootstrap;
use domain::generation::Generation;
use domain::port::NewRecord;
use domain::table::Cell;
use domain::time::Timestamp;
use domain::topic::CATALOG;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const RETENTION_SECONDS: i64 = 7 * 86_400;

struct House {
    housekeeping: Housekeeping,
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
    topic: Arc<str>,
}

impl House {
    /// A log on files, with one generation of two partitions; what the readers have passed stands in memory.
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_767_225_600)));
        let Embedded { log, store: swept } = Embedded::ephemeral(Arc::clone(&clock) as _).unwrap();
        let first = Generation::first([1; 16], 2);
        let topic = Arc::clone(&first.topic);
        for (name, partitions) in
            [(CATALOG, 1), (&*topic, 2), (REVISIONS, PARTITIONS), (DEAD_LETTERS, PARTITIONS)]
        {
            log.declare(name, partitions).await.unwrap();
        }
        let incarnation = log.incarnation(&topic).await.unwrap();
        bootstrap(&*log, &*clock, first, incarnation).await.unwrap();
        let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
        let view = View::open(Arc::clone(&log) as _, Arc::clone(&clock) as _, stop, &tracker).await.unwrap();
        let store = Arc::new(MemoryStore::new());
        let housekeeping = Housekeeping {
            log,
            swept,
            store: Arc::clone(&store) as _,
            clock: Arc::clone(&clock) as _,
            view,
            retention_seconds: RETENTION_SECONDS,
        };
        Self { housekeeping, clock, store, topic }
    }

    async fn append(&self, topic: &str, records: usize) {
        let record = NewRecord { value: Bytes::from_static(b"x"), headers: Vec::new() };
        let to = TopicPartition::new(topic, 0);
        self.housekeeping.log.append(&to, vec![record; records]).await.unwrap();
    }

    async fn first_offset(&self, topic: &str) -> u64 {
        self.housekeeping.log.watermarks(&TopicPartition::new(topic, 0)).await.unwrap().low
    }

    /// A reader's cell says that it has come so far.
    async fn pass(&self, key: CellKey, timestamp: i64) {
        self.store.write(vec![Cell { key, timestamp, value: Bytes::from_static(b"c") }]).await.unwrap();
    }

    /// Everything up to this offset is durably counted: a checkpoint's stamp is its offset times 256.
    async fn count_up_to(&self, offset: i64) {
        self.pass(Checkpoint::cell_key(1, 0), offset * 256).await;
    }
}

#[tokio::test]
async fn what_nobody_has_counted_stays_however_old_it_is() {
    let house = House::new().await;
    house.append(&house.topic, 5).await;
    house.clock.advance(10 * RETENTION_SECONDS);
    house.housekeeping.round().await.unwrap();
    assert_eq!(house.first_offset(&house.topic).await, 0);
    house.count_up_to(3).await;
    house.housekeeping.round().await.unwrap();
    assert_eq!(house.first_offset(&house.topic).await, 2, "the last one counted stays: a start compares it");
}

#[tokio::test]
async fn what_is_counted_stays_for_its_retention() {
    let house = House::new().await;
    house.append(&house.topic, 5).await;
    house.count_up_to(5).await;
    house.housekeeping.round().await.unwrap();
    assert_eq!(house.first_offset(&house.topic).await, 0, "it is young");
    house.clock.advance(RETENTION_SECONDS + 1);
    house.append(&house.topic, 2).await;
    house.count_up_to(7).await;
    house.housekeeping.round().await.unwrap();
    assert_eq!(house.first_offset(&house.topic).await, 5, "the two last are young");
}

#[tokio::test]
async fn revisions_stay_until_they_are_priced_and_mirrored_letters_for_their_retention() {
    let house = House::new().await;
    house.append(REVISIONS, 4).await;
    house.append(DEAD_LETTERS, 4).await;
    house.clock.advance(RETENTION_SECONDS + 1);
    house.append(DEAD_LETTERS, 1).await;
    house.housekeeping.round().await.unwrap();
    assert_eq!(house.first_offset(REVISIONS).await, 0);
    assert_eq!(house.first_offset(DEAD_LETTERS).await, 4);
    house.pass(worker_key(WORKER, REVISIONS, 0), 2).await;
    house.housekeeping.round().await.unwrap();
    assert_eq!(house.first_offset(REVISIONS).await, 2);
}

#[tokio::test]
async fn a_round_that_cannot_ask_removes_nothing_and_the_next_one_does() {
    let house = House::new().await;
    house.append(&house.topic, 5).await;
    house.count_up_to(5).await;
    house.clock.advance(RETENTION_SECONDS + 1);
    house.store.script_reads([Some(ReadFault::Unavailable)]);
    assert!(matches!(house.housekeeping.round().await, Err(HousekeepingError::Store(_))));
    assert_eq!(house.first_offset(&house.topic).await, 0);
    house.housekeeping.round().await.unwrap();
    assert_eq!(house.first_offset(&house.topic).await, 4);
}

#[tokio::test]
async fn the_catalogues_log_is_kept_for_ever() {
    let house = House::new().await;
    house.clock.advance(100 * RETENTION_SECONDS);
    house.housekeeping.round().await.unwrap();
    assert_eq!(house.first_offset(CATALOG).await, 0);
}
