//! Whether a file can be written and how much room its disk has, asked without leaving anything behind.

use super::log::EmbeddedLog;
use super::store::EmbeddedStore;
use super::writer::Job;
use domain::port::{LogError, StoreError};
use rusqlite::Connection;
use std::io;
use std::path::Path;

/// About what a batch takes.
const PROBE_BYTES: i32 = 64 * 1024;

/// Bytes that are free where a directory lies, as far as this process may use them.
pub fn free_bytes(directory: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(directory)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Writes as much as a batch and takes it away in the same transaction.
struct Probe;

impl Job for Probe {
    type Answer = ();

    fn apply(&mut self, transaction: &Connection) -> rusqlite::Result<()> {
        transaction
            .prepare_cached("INSERT INTO meta VALUES ('probe', zeroblob(?1))")?
            .execute([PROBE_BYTES])?;
        transaction.prepare_cached("DELETE FROM meta WHERE name = 'probe'")?.execute(()).map(drop)
    }
}

impl EmbeddedLog {
    /// Whether an append would become durable now: room, disk and writer. It waits in line as an append does, so a
    /// writer that hangs never answers.
    pub async fn probe(&self) -> Result<(), LogError> {
        Ok(self.writer.submit(Probe, 0).await?)
    }

    /// Bytes that are free on its disk.
    pub fn free_bytes(&self) -> io::Result<u64> {
        free_bytes(self.directory())
    }
}

impl EmbeddedStore {
    /// Whether a write would become durable now.
    pub async fn probe(&self) -> Result<(), StoreError> {
        Ok(self.writer.submit(Probe, 0).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::{Embedded, OpenOptions};
    use crate::memory::ManualClock;
    use domain::port::{Log, NewRecord, TopicPartition, Watermarks};
    use domain::time::Timestamp;
    use std::sync::{Arc, Mutex};

    fn open(directory: &Path, options: OpenOptions) -> Embedded {
        Embedded::open(directory, Arc::new(ManualClock::at(Timestamp::EPOCH)), options).unwrap()
    }

    #[tokio::test]
    async fn a_probe_leaves_nothing_behind_however_often_it_is_made() {
        let directory = tempfile::tempdir().unwrap();
        let Embedded { log, store } = open(directory.path(), OpenOptions::default());
        log.declare("topic", 1).await.unwrap();
        log.probe().await.unwrap();
        let pages = |file: &str| -> (u32, u32) {
            let connection = Connection::open(directory.path().join(file)).unwrap();
            let probes = "SELECT count(*) FROM meta WHERE name = 'probe'";
            let count = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
            (count, connection.query_row(probes, (), |row| row.get(0)).unwrap())
        };
        let (after_one, _) = pages("log.db");
        for _ in 0..20 {
            log.probe().await.unwrap();
            store.probe().await.unwrap();
        }
        assert_eq!(pages("log.db"), (after_one, 0));
        assert_eq!(pages("store.db").1, 0);
        let marks = log.watermarks(&TopicPartition::new("topic", 0)).await;
        assert_eq!(marks, Ok(Watermarks { low: 0, high: 0 }), "it is no append");
    }

    #[tokio::test]
    async fn a_probe_notices_a_full_disk_and_that_there_is_room_again() {
        let directory = tempfile::tempdir().unwrap();
        let Embedded { log, store } = open(directory.path(), OpenOptions::default());
        log.set_bytes_max(4 * 4_096);
        store.set_bytes_max(4 * 4_096);
        assert_eq!(log.probe().await, Err(LogError::Overloaded("the disk is full".into())));
        assert_eq!(store.probe().await, Err(StoreError::Overloaded("the disk is full".into())));
        log.set_bytes_max(u64::MAX);
        assert_eq!(log.probe().await, Ok(()));
    }

    struct Break;
    impl Job for Break {
        type Answer = ();
        fn apply(&mut self, _: &Connection) -> rusqlite::Result<()> {
            panic!("as it was told")
        }
    }

    #[tokio::test]
    async fn a_probe_notices_a_writer_that_has_ended() {
        let directory = tempfile::tempdir().unwrap();
        let ends = Arc::new(Mutex::new(0));
        let seen = Arc::clone(&ends);
        let on_fatal = Arc::new(move |_: &str| *seen.lock().unwrap() += 1);
        let Embedded { log, .. } = open(directory.path(), OpenOptions { on_fatal, ..OpenOptions::default() });
        log.declare("topic", 1).await.unwrap();
        assert!(log.writer.submit(Break, 0).await.is_err());
        assert!(matches!(log.probe().await, Err(LogError::Unavailable(_) | LogError::UnknownOutcome(_))));
        let append = log.append(&TopicPartition::new("topic", 0), vec![NewRecord::default()]).await;
        assert!(append.is_err());
    }

    #[test]
    fn free_bytes_are_those_of_the_disk_below() {
        let directory = tempfile::tempdir().unwrap();
        let Embedded { log, .. } = open(directory.path(), OpenOptions::default());
        assert!(log.free_bytes().unwrap() > 0);
        assert!(free_bytes(Path::new("/nowhere/at/all")).is_err());
    }
}
