//! Crash points: ports that end the process at a named call, so that the binary a test kills is the shipped one.
//!
//! Armed by `PULSE_CRASH_POINT=name:n`, which ends the process at the n-th call of that name. Names are
//! `before|mid|after-append-TOPIC` and `before|mid|after-write-TABLE`, and `before|after-read-TABLE`; `mid` ends it when
//! half of the call's records or cells are durable. `panic-` before a name panics there instead.

use async_trait::async_trait;
use domain::generation::{Generation, Incarnation};
use domain::port::{
    AssignmentChange, CellStore, Chunk, Entry, Log, LogError, NewRecord, Query, ReadLimit, StoreError,
    TopicPartition, Watermarks,
};
use domain::table::Cell;
use domain::time::Timestamp;
use futures::stream::BoxStream;
use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A named call to end at.
#[derive(Debug)]
pub struct CrashPoint {
    name: String,
    end: End,
    calls_left: AtomicU64,
}

/// How to end there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Abort,
    Panic,
}

impl FromStr for CrashPoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rule = || format!("crash point {text:?} must be NAME:N with N from 1");
        let (name, calls) = text.rsplit_once(':').ok_or_else(rule)?;
        let calls: u64 = calls.parse().ok().filter(|calls| *calls > 0).ok_or_else(rule)?;
        let panics = name.strip_prefix("panic-");
        let end = if panics.is_some() { End::Panic } else { End::Abort };
        Ok(Self { name: panics.unwrap_or(name).to_owned(), end, calls_left: AtomicU64::new(calls) })
    }
}

impl CrashPoint {
    /// Whether this call is the one.
    fn is_due(&self, moment: &str, call: &str, of: &str) -> bool {
        let parts = self.name.strip_prefix(moment).and_then(|rest| rest.strip_prefix('-'));
        let named = parts.and_then(|rest| rest.strip_prefix(call)).and_then(|rest| rest.strip_prefix('-'))
            == Some(of);
        named && self.calls_left.fetch_sub(1, Ordering::Relaxed) == 1
    }

    fn pass(&self, moment: &str, call: &str, of: &str) {
        match self.end {
            _ if !self.is_due(moment, call, of) => {}
            End::Abort => std::process::abort(),
            End::Panic => panic!("the crash point {} was reached", self.name),
        }
    }
}

/// A log that ends the process at its crash point.
pub struct CrashingLog {
    /// The log itself.
    pub inner: Arc<dyn Log>,
    /// Where to end.
    pub point: Arc<CrashPoint>,
}

#[async_trait]
impl Log for CrashingLog {
    async fn append(&self, to: &TopicPartition, mut records: Vec<NewRecord>) -> Result<Vec<u64>, LogError> {
        self.point.pass("before", "append", &to.topic);
        if self.point.is_due("mid", "append", &to.topic) {
            records.truncate(records.len() / 2);
            let _ = self.inner.append(to, records).await;
            std::process::abort();
        }
        let offsets = self.inner.append(to, records).await?;
        self.point.pass("after", "append", &to.topic);
        Ok(offsets)
    }

    async fn read(
        &self,
        from: &TopicPartition,
        offset: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Entry>, LogError> {
        self.inner.read(from, offset, limit).await
    }

    async fn watermarks(&self, of: &TopicPartition) -> Result<Watermarks, LogError> {
        self.inner.watermarks(of).await
    }

    async fn incarnation(&self, topic: &str) -> Result<Incarnation, LogError> {
        self.inner.incarnation(topic).await
    }

    fn time(&self) -> Option<Timestamp> {
        self.inner.time()
    }

    fn assignments(&self, generation: Arc<Generation>) -> BoxStream<'static, AssignmentChange> {
        self.inner.assignments(generation)
    }
}

/// A store that ends the process at its crash point.
pub struct CrashingStore {
    /// The store itself.
    pub inner: Arc<dyn CellStore>,
    /// Where to end.
    pub point: Arc<CrashPoint>,
}

impl CrashingStore {
    fn pass(&self, moment: &str, tables: &BTreeSet<&str>) {
        for table in tables {
            self.point.pass(moment, "write", table);
        }
    }
}

#[async_trait]
impl CellStore for CrashingStore {
    async fn write(&self, mut cells: Vec<Cell>) -> Result<(), StoreError> {
        let tables: BTreeSet<&str> = cells.iter().map(|cell| cell.key.table.name).collect();
        self.pass("before", &tables);
        if tables.iter().any(|table| self.point.is_due("mid", "write", table)) {
            cells.truncate(cells.len() / 2);
            let _ = self.inner.write(cells).await;
            std::process::abort();
        }
        self.inner.write(cells).await?;
        self.pass("after", &tables);
        Ok(())
    }

    async fn read(&self, query: &Query) -> Result<Chunk, StoreError> {
        self.point.pass("before", "read", query.table.name);
        let chunk = self.inner.read(query).await?;
        self.point.pass("after", "read", query.table.name);
        Ok(chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_call_of_the_name_is_the_one() {
        let point: CrashPoint = "mid-append-resource-consumption.g1:3".parse().unwrap();
        let hits = |moment: &str, topic: &str| point.is_due(moment, "append", topic);
        assert!(!hits("mid", "resource-consumption.g1"));
        assert!(!hits("before", "resource-consumption.g1"));
        assert!(!hits("mid", "catalog"));
        assert!(!hits("mid", "resource-consumption.g1"));
        assert!(hits("mid", "resource-consumption.g1"));
        assert!(!hits("mid", "resource-consumption.g1"), "once is enough");
    }

    #[test]
    #[should_panic(expected = "the crash point before-read-aggregate was reached")]
    fn a_point_can_be_a_panic() {
        let point: CrashPoint = "panic-before-read-aggregate:1".parse().unwrap();
        point.pass("after", "read", "aggregate");
        point.pass("before", "read", "aggregate");
    }

    #[test]
    fn a_point_that_cannot_be_hit_is_refused() {
        for text in ["before-append-catalog", "x:0", "x:", "x:soon"] {
            assert!(text.parse::<CrashPoint>().is_err(), "{text}");
        }
    }
}
