//! What a house's own log says of its topics.

use anyhow::{Context, ensure};
use catalog::command::{Change, Command, encode};
use catalog::state::State;
use domain::generation::Generation;
use domain::port::{Clock, Log, LogError, ReadLimit, TopicPartition};
use domain::topic::{CATALOG, DEAD_LETTERS, REVISIONS};
use std::sync::Arc;
use std::time::Duration;

/// What a catalogue's log holds at least once it is begun.
const FIRST_RECORDS: u64 = 2;
const READ: ReadLimit = ReadLimit { bytes: 1024 * 1024, wait: Duration::from_secs(5) };

/// Whether there is a house: its catalogue's log is there and begun.
pub async fn is_begun(log: &dyn Log) -> Result<bool, LogError> {
    Ok(end(log, &TopicPartition::new(CATALOG, 0)).await? >= FIRST_RECORDS)
}

/// The next offset of a partition; 0 where there is no such topic.
pub async fn end(log: &dyn Log, partition: &TopicPartition) -> Result<u64, LogError> {
    match log.watermarks(partition).await {
        Ok(marks) => Ok(marks.high),
        Err(LogError::UnknownPartition(_)) => Ok(0),
        Err(error) => Err(error),
    }
}

/// The next offset of each partition.
pub async fn ends(log: &dyn Log, topic: &Arc<str>, partitions: u32) -> Result<Vec<u64>, LogError> {
    let mut ends = Vec::new();
    for partition in 0..partitions {
        ends.push(end(log, &TopicPartition::new(Arc::clone(topic), partition)).await?);
    }
    Ok(ends)
}

/// The catalogue, read once to the end of its log.
pub async fn fold(log: &dyn Log) -> anyhow::Result<State> {
    let at = TopicPartition::new(CATALOG, 0);
    let (end, mut state) = (end(log, &at).await?, State::default());
    while state.offset() < end {
        let entries = log.read(&at, state.offset(), READ).await?;
        ensure!(!entries.is_empty(), "the catalogue's log ends at {}, before {end}", state.offset());
        for entry in entries {
            // A command that is refused is part of the log, and changes nothing.
            let _ = state.fold(&entry)?;
        }
    }
    Ok(state)
}

/// Appends a change to the catalogue's log; whether it holds, the fold says.
pub async fn wish(log: &dyn Log, clock: &dyn Clock, author: &str, change: Change) -> Result<(), LogError> {
    let (author, arrival_time) = (author.to_owned(), clock.now());
    let command = Command { author, idempotency_key: None, expected_revision: None, arrival_time, change };
    log.append(&TopicPartition::new(CATALOG, 0), vec![encode(&command)]).await.map(drop)
}

/// The topics that a house begins with, each with its partitions. The catalogue's is made last: where it is, the others
/// are.
pub fn first_topics(first: &Generation) -> [(&str, u32); 4] {
    let partitions = first.partitions;
    [(&first.topic, partitions), (REVISIONS, partitions), (DEAD_LETTERS, partitions), (CATALOG, 1)]
}

/// Every topic of a house, the catalogue's own among them, each with its partitions; none where there is no house.
pub async fn all_topics(log: &dyn Log) -> anyhow::Result<Vec<(Arc<str>, u32)>> {
    if !is_begun(log).await? {
        return Ok(Vec::new());
    }
    let mut all = topics(&fold(log).await?)?;
    all.push((CATALOG.into(), 1));
    Ok(all)
}

/// The topics of the pulses and those kept by tenant, each with its partitions.
pub fn topics(state: &State) -> anyhow::Result<Vec<(Arc<str>, u32)>> {
    let registry = state.registry().context("the catalogue's log holds no registry of generations")?;
    let first = registry.find(1).context("the registry has no generation 1")?;
    let generations = registry.generations();
    let of_pulses = generations.map(|generation| (Arc::clone(&generation.topic), generation.partitions));
    let by_tenant = [REVISIONS, DEAD_LETTERS].map(|topic| (topic.into(), first.partitions));
    Ok(of_pulses.chain(by_tenant).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use backends::memory::{ManualClock, MemoryLog};
    use catalog::bootstrap::bootstrap;
    use domain::time::Timestamp;

    #[tokio::test]
    async fn a_house_is_begun_by_its_first_two_records_and_names_its_topics() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_767_225_600)));
        let log = MemoryLog::new(Arc::clone(&clock) as Arc<dyn Clock>);
        assert!(!is_begun(&log).await.unwrap(), "there is not even a topic");
        let first = Generation::first([1; 16], 3);
        log.declare(&first.topic, 3);
        log.declare(CATALOG, 1);
        assert!(!is_begun(&log).await.unwrap());
        assert!(topics(&fold(&log).await.unwrap()).is_err());
        assert!(all_topics(&log).await.unwrap().is_empty());
        let incarnation = log.incarnation(&first.topic).await.unwrap();
        bootstrap(&log, &*clock, first, incarnation).await.unwrap();
        assert!(is_begun(&log).await.unwrap());
        let state = fold(&log).await.unwrap();
        assert_eq!((state.offset(), state.rules()), (2, 1));
        let topics = topics(&state).unwrap();
        let named: Vec<(&str, u32)> =
            topics.iter().map(|(topic, partitions)| (&**topic, *partitions)).collect();
        assert_eq!(named, [("resource-consumption.g1", 3), (REVISIONS, 3), (DEAD_LETTERS, 3)]);
        let all = all_topics(&log).await.unwrap();
        assert_eq!((&all[..3], &all[3]), (&topics[..], &(CATALOG.into(), 1)));
        assert_eq!(ends(&log, &"resource-consumption.g1".into(), 3).await.unwrap(), [0, 0, 0]);
    }
}
