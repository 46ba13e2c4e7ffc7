//! A log in memory whose appends fail as scripted and whose records can be harmed.

use super::assignments::Assignments;
use crate::{bounds, waiting};
use async_trait::async_trait;
use domain::generation::{Generation, Incarnation};
use domain::port::{
    AssignmentChange, Clock, Entry, Log, LogError, NewRecord, ReadLimit, TopicPartition, Watermarks,
};
use domain::time::Timestamp;
use futures::stream::BoxStream;
use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// What an append does instead of succeeding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendFault {
    /// Nothing is stored, and the answer says so.
    Overloaded,
    /// All is stored; the answer is lost.
    UnknownStored,
    /// Nothing is stored; the answer is lost.
    UnknownNotStored,
    /// The records whose bit is set are stored, the first by the lowest, again and again; the answer is lost.
    UnknownSubsetStored(u64),
}

/// Topics in memory.
pub struct MemoryLog {
    clock: Arc<dyn Clock>,
    assignments: Assignments,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    topics: HashMap<Arc<str>, Topic>,
    /// One for each append to come; `None` succeeds, and so does what comes after the last.
    script: VecDeque<Option<AppendFault>>,
    /// The next read finds it away.
    is_away: bool,
    logs_made: u32,
}

struct Topic {
    incarnation: Incarnation,
    partitions: Vec<Partition>,
}

struct Partition {
    entries: VecDeque<Stored>,
    marks: watch::Sender<Watermarks>,
}

#[derive(Clone)]
struct Stored {
    entry: Entry,
    is_damaged: bool,
}

impl MemoryLog {
    /// An empty log that gives every stream of assignments all partitions.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, assignments: Assignments::all(), state: Mutex::default() }
    }

    /// An empty log that gives partitions only through [`Self::change`].
    pub fn unassigned(clock: Arc<dyn Clock>) -> Self {
        Self { assignments: Assignments::none(), ..Self::new(clock) }
    }

    /// Makes sure the topic is there in its first incarnation, with offsets from 0.
    pub fn declare(&self, topic: &str, partitions: u32) {
        if !self.state().topics.contains_key(topic) {
            self.recreate(topic, 1, (0..partitions).map(|_| 0).collect());
        }
    }

    /// Makes the topic anew and empty, as another log.
    pub fn recreate(&self, topic: &str, incarnation: u32, first_offsets: Vec<u64>) {
        let mut state = self.state();
        state.logs_made += 1;
        let log_id = format!("memory-{}", state.logs_made).into();
        let partitions = first_offsets.iter().map(|first| Partition::starting_at(*first)).collect();
        let incarnation = Incarnation { number: incarnation, log_id, first_offsets };
        state.topics.insert(topic.into(), Topic { incarnation, partitions });
    }

    /// Takes the topic away.
    pub fn delete(&self, topic: &str) {
        self.state().topics.remove(topic);
    }

    /// Scripts the next appends: `None` succeeds.
    pub fn script_appends(&self, faults: impl IntoIterator<Item = Option<AppendFault>>) {
        self.state().script.extend(faults);
    }

    /// The next read fails, as where a log is away for a moment.
    pub fn go_away(&self) {
        self.state().is_away = true;
    }

    /// Gives partitions to, or takes them from, all streams of assignments.
    pub fn change(&self, change: AssignmentChange) {
        self.assignments.send(change);
    }

    /// Appends bytes as somebody else would: no headers, no script.
    pub fn append_foreign(
        &self,
        to: &TopicPartition,
        value: impl Into<bytes::Bytes>,
    ) -> Result<u64, LogError> {
        let record = NewRecord { headers: Vec::new(), value: value.into() };
        let now = self.clock.now();
        self.with(to, |partition| partition.append(vec![record], now)[0])
    }

    /// Makes the check of a record fail.
    pub fn damage(&self, of: &TopicPartition, offset: u64) -> Result<(), LogError> {
        self.with(of, |partition| partition.entry_mut(offset).map(|stored| stored.is_damaged = true))?
    }

    /// Removes what lies below an offset.
    pub fn trim(&self, of: &TopicPartition, below: u64) -> Result<(), LogError> {
        self.with(of, |partition| partition.trim(below))
    }

    /// Loses what lies at and after an offset.
    pub fn truncate(&self, of: &TopicPartition, high: u64) -> Result<(), LogError> {
        self.with(of, |partition| partition.truncate(high))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, of: &TopicPartition, act: impl FnOnce(&mut Partition) -> T) -> Result<T, LogError> {
        self.state().partition(of).map(act)
    }
}

impl State {
    fn partition(&mut self, of: &TopicPartition) -> Result<&mut Partition, LogError> {
        let number = usize::try_from(of.partition).ok();
        let topic = self.topics.get_mut(&of.topic).zip(number);
        let found = topic.and_then(|(topic, number)| topic.partitions.get_mut(number));
        found.ok_or_else(|| LogError::UnknownPartition(of.clone()))
    }
}

impl Partition {
    fn starting_at(first: u64) -> Self {
        Self { entries: VecDeque::new(), marks: watch::Sender::new(Watermarks { low: first, high: first }) }
    }

    fn append(&mut self, records: Vec<NewRecord>, now: Timestamp) -> Vec<u64> {
        let first = self.marks.borrow().high;
        let timestamp = self.entries.back().map_or(now, |last| last.entry.timestamp.max(now));
        let mut high = first;
        for NewRecord { headers, value } in records {
            let entry = Entry { offset: high, timestamp, headers, value };
            self.entries.push_back(Stored { entry, is_damaged: false });
            high += 1;
        }
        self.marks.send_modify(|marks| marks.high = high);
        (first..high).collect()
    }

    fn entry_mut(&mut self, offset: u64) -> Result<&mut Stored, LogError> {
        let Watermarks { low, high } = *self.marks.borrow();
        let outside = LogError::OutOfRange { asked: offset, low, high };
        self.entries.iter_mut().find(|stored| stored.entry.offset == offset).ok_or(outside)
    }

    fn trim(&mut self, below: u64) {
        self.entries.retain(|stored| stored.entry.offset >= below);
        self.marks.send_modify(|marks| marks.low = below.clamp(marks.low, marks.high));
    }

    fn truncate(&mut self, high: u64) {
        self.entries.retain(|stored| stored.entry.offset < high);
        self.marks.send_modify(|marks| marks.high = high.clamp(marks.low, marks.high));
    }

    /// Records before a damaged one are returned; the damaged one is an error only when it is the first.
    fn read(&self, offset: u64, bytes_max: usize) -> Result<Vec<Entry>, LogError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut bytes = 0;
        let wanted = offset..offset + bounds::READ_RECORDS_MAX;
        for stored in self.entries.iter().filter(|stored| wanted.contains(&stored.entry.offset)) {
            bytes += stored.entry.value.len();
            match entries.is_empty() {
                true if stored.is_damaged => {
                    return Err(LogError::Damaged { offset, detail: "its check fails".into() });
                }
                false if stored.is_damaged || bytes > bytes_max => break,
                _ => entries.push(stored.entry.clone()),
            }
        }
        Ok(entries)
    }
}

#[async_trait]
impl Log for MemoryLog {
    async fn append(&self, to: &TopicPartition, mut records: Vec<NewRecord>) -> Result<Vec<u64>, LogError> {
        bounds::check_records(&records)?;
        let now = self.clock.now();
        let mut state = self.state();
        let fault = state.script.pop_front().flatten();
        let partition = state.partition(to)?;
        let mut stored = match fault {
            None => return Ok(partition.append(records, now)),
            Some(AppendFault::Overloaded) => return Err(LogError::Overloaded("as scripted".into())),
            Some(AppendFault::UnknownStored) => u64::MAX,
            Some(AppendFault::UnknownNotStored) => 0,
            Some(AppendFault::UnknownSubsetStored(bits)) => bits,
        };
        records.retain(|_| {
            let is_stored = stored & 1 == 1;
            stored = stored.rotate_right(1);
            is_stored
        });
        partition.append(records, now);
        Err(LogError::UnknownOutcome("as scripted".into()))
    }

    async fn read(
        &self,
        from: &TopicPartition,
        offset: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Entry>, LogError> {
        if mem::take(&mut self.state().is_away) {
            return Err(LogError::Unavailable("as scripted".into()));
        }
        let marks = self.with(from, |partition| partition.marks.subscribe())?;
        waiting::for_offset(marks, offset, limit.wait).await?;
        self.with(from, |partition| partition.read(offset, limit.bytes))?
    }

    async fn watermarks(&self, of: &TopicPartition) -> Result<Watermarks, LogError> {
        self.with(of, |partition| *partition.marks.borrow())
    }

    async fn incarnation(&self, topic: &str) -> Result<Incarnation, LogError> {
        let unknown = || LogError::UnknownPartition(TopicPartition::new(topic, 0));
        self.state().topics.get(topic).map(|topic| topic.incarnation.clone()).ok_or_else(unknown)
    }

    fn assignments(&self, generation: Arc<Generation>) -> BoxStream<'static, AssignmentChange> {
        self.assignments.stream(generation)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ManualClock;
    use super::*;
    use crate::conformance::log::{EVERYTHING, read_to_end, record};

    fn log() -> (MemoryLog, TopicPartition) {
        let log = MemoryLog::new(Arc::new(ManualClock::default()));
        log.declare("topic", 1);
        (log, TopicPartition::new("topic", 0))
    }

    async fn values(log: &MemoryLog, at: &TopicPartition) -> Vec<bytes::Bytes> {
        let low = log.watermarks(at).await.unwrap().low;
        read_to_end(log, at, low).await.into_iter().map(|entry| entry.value).collect()
    }

    #[tokio::test]
    async fn appends_fail_as_scripted_and_then_succeed() {
        use AppendFault::{Overloaded, UnknownNotStored, UnknownStored, UnknownSubsetStored};
        let faults = [
            (None, vec!["a", "b"]),
            (Some(Overloaded), vec![]),
            (Some(UnknownNotStored), vec![]),
            (Some(UnknownSubsetStored(0b01)), vec!["a"]),
            (Some(UnknownSubsetStored(0b10)), vec!["b"]),
            (Some(UnknownStored), vec!["a", "b"]),
        ];
        for (fault, stored) in faults {
            let (log, at) = log();
            log.script_appends([fault]);
            let answer = log.append(&at, vec![record("a"), record("b")]).await;
            match fault {
                None => assert_eq!(answer, Ok(vec![0, 1])),
                Some(Overloaded) => assert!(matches!(answer, Err(LogError::Overloaded(_)))),
                Some(_) => assert!(matches!(answer, Err(LogError::UnknownOutcome(_)))),
            }
            assert_eq!(values(&log, &at).await, stored, "{fault:?}");
            assert_eq!(log.append(&at, vec![record("c")]).await, Ok(vec![stored.len() as u64]));
        }
    }

    #[tokio::test]
    async fn records_can_be_damaged_trimmed_lost_and_foreign() {
        let (log, at) = log();
        log.append(&at, ["a", "b", "c"].map(record).to_vec()).await.unwrap();
        assert_eq!(log.append_foreign(&at, "not ours"), Ok(3));
        log.damage(&at, 1).unwrap();
        assert_eq!(log.read(&at, 0, EVERYTHING).await.unwrap().len(), 1);
        let damaged = Err(LogError::Damaged { offset: 1, detail: "its check fails".into() });
        assert_eq!(log.read(&at, 1, EVERYTHING).await, damaged);
        log.trim(&at, 2).unwrap();
        assert_eq!(values(&log, &at).await, ["c", "not ours"]);
        assert!(log.damage(&at, 1).is_err());
        log.truncate(&at, 3).unwrap();
        assert_eq!(log.watermarks(&at).await, Ok(Watermarks { low: 2, high: 3 }));
        log.trim(&at, 9).unwrap();
        assert_eq!(log.append(&at, vec![record("d")]).await, Ok(vec![3]));
    }

    #[tokio::test]
    async fn a_topic_made_anew_is_another_log() {
        let (log, at) = log();
        log.append(&at, vec![record("a")]).await.unwrap();
        let before = log.incarnation("topic").await.unwrap();
        log.recreate("topic", 2, vec![1]);
        let after = log.incarnation("topic").await.unwrap();
        assert_eq!((before.number, after.number, after.first_offsets), (1, 2, vec![1]));
        assert_ne!(before.log_id, after.log_id);
        assert_eq!(log.watermarks(&at).await, Ok(Watermarks { low: 1, high: 1 }));
        log.delete("topic");
        let gone = LogError::UnknownPartition(at);
        assert_eq!(log.incarnation("topic").await, Err(gone));
    }
}
