//! The catalogue's log, record by record to the same offsets.

use super::super::backends::house::end;
use anyhow::ensure;
use domain::port::{Entry, Log, LogError, NewRecord, ReadLimit, TopicPartition};
use domain::topic::CATALOG;
use std::time::Duration;

const READ: ReadLimit = ReadLimit { bytes: 1024 * 1024, wait: Duration::ZERO };

/// Refuses a target whose catalogue is another one's: as far as both go, they must be the same.
pub async fn compare(source: &dyn Log, target: &dyn Log) -> anyhow::Result<()> {
    let at = TopicPartition::new(CATALOG, 0);
    let both = end(source, &at).await?.min(end(target, &at).await?);
    let mut offset = 0;
    while offset < both {
        let entries = read(source, &at, offset).await?.into_iter();
        for entry in entries.take_while(|entry| entry.offset < both) {
            let found = record_at(target, &at, entry.offset).await?;
            ensure!(
                found.is_some_and(|found| is_same(&found, &entry)),
                "record {} of the topic {CATALOG} is not that of the data directory: the engines hold another house",
                entry.offset
            );
            offset = entry.offset + 1;
        }
    }
    Ok(())
}

/// Copies what is not there yet; answers how many records the source has. Records go one by one, so that one of unknown
/// outcome leaves no gap.
pub async fn copy(source: &dyn Log, target: &dyn Log) -> anyhow::Result<u64> {
    let at = TopicPartition::new(CATALOG, 0);
    let (all, mut offset) = (end(source, &at).await?, end(target, &at).await?);
    while offset < all {
        for entry in read(source, &at, offset).await? {
            let record = NewRecord { headers: entry.headers, value: entry.value };
            let offsets = target.append(&at, vec![record]).await?;
            ensure!(
                offsets == [entry.offset],
                "another process writes the topic {CATALOG}: stop it and begin again"
            );
            offset = entry.offset + 1;
        }
    }
    Ok(all)
}

async fn read(log: &dyn Log, at: &TopicPartition, offset: u64) -> anyhow::Result<Vec<Entry>> {
    let entries = log.read(at, offset, READ).await?;
    ensure!(!entries.is_empty(), "the catalogue's log ends too early, at {offset}");
    Ok(entries)
}

async fn record_at(log: &dyn Log, at: &TopicPartition, offset: u64) -> Result<Option<Entry>, LogError> {
    let limit = ReadLimit { bytes: 1, wait: Duration::from_secs(5) };
    Ok(log.read(at, offset, limit).await?.into_iter().next())
}

fn is_same(one: &Entry, other: &Entry) -> bool {
    one.offset == other.offset && one.headers == other.headers && one.value == other.value
}

#[cfg(test)]
mod tests {
    use super::*;
    use backends::memory::{AppendFault, ManualClock, MemoryLog};
    use bytes::Bytes;
    use domain::port::{Clock, Header};
    use domain::time::Timestamp;
    use std::sync::Arc;

    fn log() -> MemoryLog {
        let log = MemoryLog::new(Arc::new(ManualClock::at(Timestamp::EPOCH)) as Arc<dyn Clock>);
        log.declare(CATALOG, 1);
        log
    }

    async fn put(log: &MemoryLog, texts: &[&str]) {
        let record = |text: &&str| NewRecord {
            headers: vec![Header { name: "n".to_owned(), value: Bytes::copy_from_slice(text.as_bytes()) }],
            value: Bytes::copy_from_slice(text.as_bytes()),
        };
        log.append(&TopicPartition::new(CATALOG, 0), texts.iter().map(record).collect()).await.unwrap();
    }

    async fn texts(log: &MemoryLog) -> Vec<String> {
        let entries = log.read(&TopicPartition::new(CATALOG, 0), 0, READ).await.unwrap();
        entries.iter().map(|entry| String::from_utf8(entry.value.to_vec()).unwrap()).collect()
    }

    #[tokio::test]
    async fn every_record_comes_to_its_own_offset() {
        let (source, target) = (log(), log());
        put(&source, &["a", "b", "c"]).await;
        assert_eq!(copy(&source, &target).await.unwrap(), 3);
        assert_eq!(texts(&target).await, ["a", "b", "c"]);
        let entry = record_at(&target, &TopicPartition::new(CATALOG, 0), 1).await.unwrap().unwrap();
        assert_eq!(entry.header("n").map(|value| &value[..]), Some(&b"b"[..]));
    }

    #[tokio::test]
    async fn a_copy_that_was_cut_short_goes_on_and_a_second_adds_nothing() {
        let (source, target) = (log(), log());
        put(&source, &["a", "b", "c"]).await;
        target.script_appends([None, Some(AppendFault::UnknownSubsetStored(1))]);
        assert!(copy(&source, &target).await.is_err());
        assert_eq!(texts(&target).await, ["a", "b"], "stored, but nobody knew");
        for _ in 0..2 {
            compare(&source, &target).await.unwrap();
            assert_eq!(copy(&source, &target).await.unwrap(), 3);
            assert_eq!(texts(&target).await, ["a", "b", "c"]);
        }
        put(&target, &["moved"]).await;
        compare(&source, &target).await.unwrap();
        assert_eq!(copy(&source, &target).await.unwrap(), 3, "what came after belongs to the house");
    }

    #[tokio::test]
    async fn another_house_is_refused() {
        let (source, target) = (log(), log());
        put(&source, &["a", "b", "c"]).await;
        put(&target, &["a", "x"]).await;
        let refusal = compare(&source, &target).await.unwrap_err().to_string();
        assert!(
            refusal.starts_with("record 1 of the topic catalog is not that of the data directory"),
            "{refusal}"
        );
    }
}
