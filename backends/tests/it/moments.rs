//! What time does: rows expire when they should, and a backup taken at any moment is that moment.

use crate::{clock, open};
use backends::conformance::log::{read_to_end, record};
use backends::embedded::{Durability, Embedded, OpenOptions, backup, restore};
use bytes::Bytes;
use domain::port::{CellStore, Log, Query, TopicPartition, read_all};
use domain::table::{Cell, CellKey, KeyValue, LEDGER};
use domain::time::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn partition() -> Vec<KeyValue> {
    vec![1_i64.into(), 0_i64.into(), 0_i64.into(), 0_i64.into()]
}

fn block(block: u8, timestamp: i64) -> Cell {
    let key = CellKey::new(&LEDGER, partition(), vec![i64::from(block).into()]);
    Cell { key, timestamp, value: timestamp.to_string().into() }
}

/// What happens to a table whose rows expire.
#[derive(Clone, Debug)]
enum Step {
    Write(u8, i64),
    Wait(i64),
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..5_u8, 0..5_i64).prop_map(|(block, timestamp)| Step::Write(block, timestamp)),
        2 => (1..100_i64).prop_map(|share| Step::Wait(LEDGER.ttl_seconds.unwrap() * share / 100)),
        1 => Just(Step::Sweep),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// A row lives for its time from the last write that won; one that has expired is as good as never written,
    /// swept or not.
    #[test]
    fn rows_expire_after_the_last_write_that_won(steps in prop::collection::vec(step(), 1..40)) {
        run(async {
            let (time, mut now) = (clock(), 0);
            let store = Embedded::ephemeral(time.clone()).unwrap().store;
            let mut rows: BTreeMap<u8, (i64, i64)> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Write(key, timestamp) => {
                        store.write(vec![block(key, timestamp)]).await.unwrap();
                        let expiry = now + LEDGER.ttl_seconds.unwrap();
                        let row = rows.entry(key).or_insert((timestamp, expiry));
                        if row.1 <= now || row.0 <= timestamp {
                            *row = (timestamp, expiry);
                        }
                    }
                    Step::Wait(seconds) => {
                        time.advance(seconds);
                        now += seconds;
                    }
                    Step::Sweep => {
                        let before = rows.len();
                        rows.retain(|_, (_, expiry)| *expiry > now);
                        assert_eq!(store.sweep().await, Ok(before - rows.len()));
                    }
                }
                let alive = rows.iter().filter(|(_, (_, expiry))| *expiry > now);
                let expected: Vec<Cell> = alive.map(|(key, (timestamp, _))| block(*key, *timestamp)).collect();
                assert_eq!(read_all(&*store, Query::all(&LEDGER, partition())).await.unwrap(), expected);
            }
        });
    }

    /// Between any two steps of a life a backup holds all before and nothing after, trimmed as it was.
    #[test]
    fn a_backup_is_the_moment_it_was_taken(before in 0..30_u64, trimmed in 0..30_u64, after in 0..30_u64) {
        run(async {
            let (source, kept, restored) =
                (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let options = OpenOptions { durability: Durability::Ephemeral, ..OpenOptions::default() };
            let Embedded { log, store } = Embedded::open(source.path(), clock(), options).unwrap();
            let at = TopicPartition::new("resource-consumption.g1", 0);
            log.declare("resource-consumption.g1", 1).await.unwrap();
            let live = async |numbers: std::ops::Range<u64>| {
                for number in numbers {
                    log.append(&at, vec![record(number.to_string())]).await.unwrap();
                    store.write(vec![block(0, number.cast_signed())]).await.unwrap();
                }
            };
            live(0..before).await;
            let low = log.trim(&at, trimmed, Timestamp::MAX).await.unwrap();
            assert_eq!(low, trimmed.min(before));
            backup(source.path(), kept.path(), &mut |_| {}).unwrap();
            live(before..before + after).await;
            restore(kept.path(), restored.path(), &mut |_| {}).unwrap();
            let Embedded { log, store } = open(restored.path());
            let values = read_to_end(&*log, &at, low).await.into_iter().map(|entry| entry.value);
            assert!(values.eq((low..before).map(|number| Bytes::from(number.to_string()))));
            let newest: Vec<Cell> = before.checked_sub(1).map(|last| block(0, last.cast_signed())).into_iter().collect();
            assert_eq!(read_all(&*store, Query::all(&LEDGER, partition())).await.unwrap(), newest);
        });
    }
}
