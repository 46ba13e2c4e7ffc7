//! The topics on the other side: made as they were, and registered where each goes on.

use super::super::backends::house::{ends, fold, topics, wish};
use anyhow::ensure;
use catalog::command::Change;
use catalog::state::State;
use domain::generation::Incarnation;
use domain::port::{Clock, Log};
use std::sync::Arc;

const AUTHOR: &str = "migrate";

/// Refuses a topic that holds something.
pub async fn refuse_used(target: &dyn Log, topic: &Arc<str>, partitions: u32) -> anyhow::Result<()> {
    ensure!(
        ends(target, topic, partitions).await?.iter().all(|end| *end == 0),
        "the topic {topic} holds records already: the engines hold another house"
    );
    Ok(())
}

/// Registers in the catalogue's log of the target where the topics go on: at the offsets where the source ends.
pub async fn register(source: &dyn Log, target: &dyn Log, clock: &dyn Clock) -> anyhow::Result<()> {
    let state = fold(target).await?;
    for (topic, incarnation) in missing(source, target, &state).await? {
        wish(target, clock, AUTHOR, Change::AddIncarnation(topic, incarnation)).await?;
    }
    ensure!(
        missing(source, target, &fold(target).await?).await?.is_empty(),
        "the catalogue did not take the new places of its topics"
    );
    Ok(())
}

/// The places that are not registered yet. A topic that is there already must have gone on nowhere else since.
async fn missing(
    source: &dyn Log,
    target: &dyn Log,
    state: &State,
) -> anyhow::Result<Vec<(Arc<str>, Incarnation)>> {
    let mut missing = Vec::new();
    for (topic, partitions) in topics(state)? {
        let log_id = target.incarnation(&topic).await?.log_id;
        let first_offsets = ends(source, &topic, partitions).await?;
        let last = state.incarnations().find(|(known, _)| **known == topic).map(|(_, last)| last);
        if let Some(last) = last.filter(|last| last.log_id == log_id) {
            ensure!(
                last.first_offsets == first_offsets,
                "the data directory took records into {topic} after it was moved; they are nowhere else"
            );
            continue;
        }
        refuse_used(target, &topic, partitions).await?;
        let number = last.map_or(1, |last| last.number) + 1;
        missing.push((topic, Incarnation { number, log_id, first_offsets }));
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::copy;
    use super::*;
    use backends::memory::{AppendFault, ManualClock, MemoryLog};
    use bytes::Bytes;
    use catalog::bootstrap::bootstrap;
    use domain::generation::Generation;
    use domain::port::{NewRecord, TopicPartition};
    use domain::time::Timestamp;
    use domain::topic::{CATALOG, DEAD_LETTERS, REVISIONS};

    struct Move {
        source: MemoryLog,
        target: MemoryLog,
        clock: Arc<ManualClock>,
    }

    impl Move {
        /// A begun house of two partitions with three pulses in one and a revision, and the topics of another place.
        async fn new() -> Self {
            let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_767_225_600)));
            let [source, target] = [(); 2].map(|()| MemoryLog::new(Arc::clone(&clock) as Arc<dyn Clock>));
            let first = Generation::first([1; 16], 2);
            for log in [&source, &target] {
                log.declare(CATALOG, 1);
                for topic in [&*first.topic, REVISIONS, DEAD_LETTERS] {
                    log.declare(topic, 2);
                }
            }
            // Another place: the same topic under another id.
            for topic in [&*first.topic, REVISIONS, DEAD_LETTERS] {
                target.recreate(topic, 1, vec![0, 0]);
            }
            let incarnation = source.incarnation(&first.topic).await.unwrap();
            bootstrap(&source, &*clock, first, incarnation).await.unwrap();
            let moved = Self { source, target, clock };
            moved.put(&moved.source, "resource-consumption.g1", 1, 3).await;
            moved.put(&moved.source, REVISIONS, 0, 1).await;
            moved
        }

        async fn put(&self, log: &MemoryLog, topic: &str, partition: u32, records: usize) {
            let record = NewRecord { value: Bytes::from_static(b"x"), ..NewRecord::default() };
            log.append(&TopicPartition::new(topic, partition), vec![record; records]).await.unwrap();
        }

        async fn run(&self) -> anyhow::Result<()> {
            copy(&self.source, &self.target).await?;
            register(&self.source, &self.target, &*self.clock).await
        }
    }

    #[tokio::test]
    async fn each_topic_goes_on_where_it_ended_and_doing_it_again_adds_nothing() {
        let house = Move::new().await;
        for _ in 0..2 {
            house.run().await.unwrap();
            let state = fold(&house.target).await.unwrap();
            assert_eq!(state.offset(), 5, "two records of the beginning, one a topic");
            let mut places: Vec<(&str, u32, &[u64])> = state
                .incarnations()
                .map(|(topic, last)| (&**topic, last.number, &last.first_offsets[..]))
                .collect();
            places.sort_unstable();
            assert_eq!(
                places,
                [
                    (REVISIONS, 2, &[1, 0][..]),
                    (DEAD_LETTERS, 2, &[0, 0]),
                    ("resource-consumption.g1", 2, &[0, 3])
                ]
            );
            for (topic, last) in state.incarnations() {
                let here = house.target.incarnation(topic).await.unwrap();
                assert_eq!(last.log_id, here.log_id, "{topic}");
            }
        }
    }

    #[tokio::test]
    async fn a_registration_that_was_cut_short_goes_on_where_it_stopped() {
        for fault in [AppendFault::UnknownStored, AppendFault::UnknownNotStored, AppendFault::Overloaded] {
            let house = Move::new().await;
            // Two records of the catalogue and one place are there; the next append fails.
            house.target.script_appends([None, None, None, Some(fault)]);
            assert!(house.run().await.is_err(), "{fault:?}");
            house.run().await.unwrap();
            let state = fold(&house.target).await.unwrap();
            let numbers: Vec<u32> = state.incarnations().map(|(_, last)| last.number).collect();
            assert_eq!((state.offset(), numbers), (5, vec![2, 2, 2]), "{fault:?}");
        }
    }

    #[tokio::test]
    async fn a_directory_that_was_used_after_the_move_is_not_taken_for_the_house() {
        let house = Move::new().await;
        house.run().await.unwrap();
        house.put(&house.source, "resource-consumption.g1", 0, 1).await;
        let refusal = house.run().await.unwrap_err().to_string();
        assert!(refusal.contains("resource-consumption.g1 after it was moved"), "{refusal}");
    }

    #[tokio::test]
    async fn topics_that_hold_something_are_another_houses() {
        let house = Move::new().await;
        house.put(&house.target, DEAD_LETTERS, 1, 1).await;
        let refusal = house.run().await.unwrap_err().to_string();
        assert_eq!(
            refusal,
            "the topic resource-consumption-dlq holds records already: the engines hold another house"
        );
    }
}
