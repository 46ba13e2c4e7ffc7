//! Waiting until everything that was acknowledged is counted, and everything counted is priced.

use super::super::backends::Backends;
use catalog::WORKER;
use domain::checkpoint::{Checkpoint, worker_key};
use domain::generation::Registry;
use domain::port::{CellStore, Log, Query, TopicPartition, read_all};
use domain::position::Position;
use domain::table::CellKey;
use domain::topic::{CATALOG, REVISIONS};
use std::sync::Arc;
use std::time::Duration;

const INTERVAL: Duration = Duration::from_millis(200);

/// Waits for as long as it takes: nothing new comes in.
pub async fn wait(source: &Backends, registry: &Registry) -> anyhow::Result<()> {
    while !is_drained(&*source.log, &*source.store, registry).await? {
        tokio::time::sleep(INTERVAL).await;
    }
    Ok(())
}

/// Whether every reader of every log has come to its end. What prices is asked last: its triggers come of the others.
async fn is_drained(log: &dyn Log, store: &dyn CellStore, registry: &Registry) -> anyhow::Result<bool> {
    for generation in registry.generations() {
        for partition in 0..generation.partitions {
            let counted = stamp(store, &Checkpoint::cell_key(generation.number, partition)).await?;
            let end = end(log, &generation.topic, partition).await?;
            if counted < Position::before(end).raw() {
                return Ok(false);
            }
        }
    }
    let catalogue = end(log, &CATALOG.into(), 0).await?;
    for partition in 0..log.incarnation(REVISIONS).await?.partitions() {
        let followed = stamp(store, &worker_key(WORKER, CATALOG, partition)).await?;
        let priced = stamp(store, &worker_key(WORKER, REVISIONS, partition)).await?;
        let revised = end(log, &REVISIONS.into(), partition).await?;
        if u64::try_from(followed)? < catalogue || u64::try_from(priced)? < revised {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The write timestamp of a reader's cell, which is how far it has come; 0: it never began.
async fn stamp(store: &dyn CellStore, reader: &CellKey) -> anyhow::Result<i64> {
    let cells = read_all(store, Query::one(reader)).await?;
    Ok(cells.first().map_or(0, |cell| cell.timestamp))
}

async fn end(log: &dyn Log, topic: &Arc<str>, partition: u32) -> anyhow::Result<u64> {
    Ok(log.watermarks(&TopicPartition::new(Arc::clone(topic), partition)).await?.high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use backends::memory::{ManualClock, MemoryLog, MemoryStore};
    use bytes::Bytes;
    use domain::generation::Generation;
    use domain::port::{Clock, NewRecord};
    use domain::table::Cell;
    use domain::time::Timestamp;

    struct House {
        log: MemoryLog,
        store: MemoryStore,
        registry: Registry,
    }

    impl House {
        async fn new() -> Self {
            let log = MemoryLog::new(Arc::new(ManualClock::at(Timestamp::EPOCH)) as Arc<dyn Clock>);
            let first = Generation::first([1; 16], 2);
            for (topic, partitions) in [(&*first.topic, 2), (REVISIONS, 1), (CATALOG, 1)] {
                log.declare(topic, partitions);
            }
            let incarnation = log.incarnation(&first.topic).await.unwrap();
            Self { log, store: MemoryStore::new(), registry: Registry::new(first, incarnation) }
        }

        async fn append(&self, topic: &str, partition: u32) {
            let record = NewRecord { value: Bytes::from_static(b"x"), ..NewRecord::default() };
            self.log.append(&TopicPartition::new(topic, partition), vec![record]).await.unwrap();
        }

        async fn come_to(&self, reader: CellKey, timestamp: i64) {
            let cell = Cell { key: reader, timestamp, value: Bytes::from_static(b"x") };
            self.store.write(vec![cell]).await.unwrap();
        }

        async fn is_drained(&self) -> bool {
            is_drained(&self.log, &self.store, &self.registry).await.unwrap()
        }
    }

    #[tokio::test]
    async fn each_log_keeps_it_waiting_until_its_reader_is_at_the_end() {
        let house = House::new().await;
        assert!(house.is_drained().await, "nothing was ever written");
        for (topic, partition, reader, stamp) in [
            ("resource-consumption.g1", 1, Checkpoint::cell_key(1, 1), 256),
            (CATALOG, 0, worker_key(WORKER, CATALOG, 0), 1),
            (REVISIONS, 0, worker_key(WORKER, REVISIONS, 0), 1),
        ] {
            house.append(topic, partition).await;
            assert!(!house.is_drained().await, "{topic}");
            house.come_to(reader, stamp).await;
            assert!(house.is_drained().await, "{topic}");
        }
    }
}
