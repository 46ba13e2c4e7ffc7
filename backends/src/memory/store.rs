//! A store of three replicas whose writes and reads reach the ones scripted.

use super::replicas::Replicas;
use crate::{bounds, key};
use async_trait::async_trait;
use domain::port::{CellStore, Chunk, Query, StoreError};
use domain::table::Cell;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

const EVERY: [bool; 3] = [true; 3];

/// How many replicas must answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Any one: too few, as tests show.
    One,
    /// Two of three: any two such calls meet in one replica.
    #[default]
    Quorum,
}

impl Level {
    fn replicas(self) -> usize {
        match self {
            Self::One => 1,
            Self::Quorum => 2,
        }
    }
}

/// What a write does instead of reaching all replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteFault {
    /// It reaches these; whether that is enough is the level's question.
    Reaches([bool; 3]),
    /// It reaches these; the answer is lost.
    Unknown([bool; 3]),
    /// It reaches none, and the answer says so.
    Overloaded,
}

/// What a read of one chunk does instead of succeeding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadFault {
    /// It fails.
    Unavailable,
    /// It finds a damaged cell.
    Damaged,
    /// It asks these replicas.
    Asks([bool; 3]),
}

/// A deterministic store in memory.
pub struct MemoryStore(Mutex<State>);

struct State {
    replicas: Replicas,
    write_level: Level,
    read_level: Level,
    chunk_cells: usize,
    /// One for each call to come; `None` succeeds, and so does what comes after the last.
    writes: VecDeque<Option<WriteFault>>,
    reads: VecDeque<Option<ReadFault>>,
    reads_done: usize,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store that reads and writes at QUORUM.
    pub fn new() -> Self {
        Self(Mutex::new(State {
            replicas: Replicas::new(),
            write_level: Level::Quorum,
            read_level: Level::Quorum,
            chunk_cells: 1_000,
            writes: VecDeque::new(),
            reads: VecDeque::new(),
            reads_done: 0,
        }))
    }

    /// How many replicas must take a write before it is acknowledged.
    pub fn set_write_level(&self, level: Level) {
        self.state().write_level = level;
    }

    /// How many replicas a read asks.
    pub fn set_read_level(&self, level: Level) {
        self.state().read_level = level;
    }

    /// How many cells a chunk holds.
    pub fn set_chunk_cells(&self, cells: usize) {
        self.state().chunk_cells = cells.max(1);
    }

    /// Scripts the next writes: `None` reaches all replicas.
    pub fn script_writes(&self, faults: impl IntoIterator<Item = Option<WriteFault>>) {
        self.state().writes.extend(faults);
    }

    /// Scripts the next chunks read: `None` succeeds.
    pub fn script_reads(&self, faults: impl IntoIterator<Item = Option<ReadFault>>) {
        self.state().reads.extend(faults);
    }

    /// The whole content, merged over all replicas: for checkers.
    pub fn all(&self) -> Vec<Cell> {
        self.state().replicas.all()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// As many replicas as the level says, another choice at every read.
    fn asked(&mut self) -> [bool; 3] {
        let first = self.reads_done;
        self.reads_done += 1;
        let count = self.read_level.replicas();
        std::array::from_fn(|replica| (replica + 3 - first % 3) % 3 < count)
    }

    fn write_to(&mut self, reached: [bool; 3], cells: &[Cell]) {
        for cell in cells {
            self.replicas.write(cell, reached);
        }
    }

    fn chunk(&self, query: &Query, asked: [bool; 3]) -> Result<Chunk, StoreError> {
        let after = query.resume.as_ref().map(key::resume_after).transpose()?;
        let mut cells = self.replicas.read(query, asked);
        cells.retain(|cell| after.as_ref().is_none_or(|after| cell.key.clustering > *after));
        let is_whole = cells.len() <= self.chunk_cells;
        cells.truncate(self.chunk_cells);
        let last = cells.last().filter(|_| !is_whole);
        let next = last.map(|last| key::page_state(&last.key.clustering));
        Ok(Chunk { cells, next })
    }
}

#[async_trait]
impl CellStore for MemoryStore {
    async fn write(&self, cells: Vec<Cell>) -> Result<(), StoreError> {
        bounds::check_cells(&cells)?;
        let unknown = || Err(StoreError::UnknownOutcome("as scripted".into()));
        let mut state = self.state();
        match state.writes.pop_front().flatten().unwrap_or(WriteFault::Reaches(EVERY)) {
            WriteFault::Overloaded => Err(StoreError::Overloaded("as scripted".into())),
            WriteFault::Unknown(reached) => {
                state.write_to(reached, &cells);
                unknown()
            }
            WriteFault::Reaches(reached) => {
                state.write_to(reached, &cells);
                let count = reached.iter().filter(|is_reached| **is_reached).count();
                if count >= state.write_level.replicas() { Ok(()) } else { unknown() }
            }
        }
    }

    async fn read(&self, query: &Query) -> Result<Chunk, StoreError> {
        let mut state = self.state();
        let asked = state.asked();
        match state.reads.pop_front().flatten().unwrap_or(ReadFault::Asks(asked)) {
            ReadFault::Asks(asked) => state.chunk(query, asked),
            ReadFault::Unavailable => Err(StoreError::Unavailable("as scripted".into())),
            ReadFault::Damaged => {
                Err(StoreError::Damaged { table: query.table.name, key: "as scripted".into() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use domain::port::read_all;
    use domain::table::{CHECKPOINT, CellKey, LEDGER};

    fn cell(timestamp: i64) -> Cell {
        let key = CellKey::new(&CHECKPOINT, vec![1_i64.into(), 0_i64.into()], vec![]);
        Cell { key, timestamp, value: Bytes::new() }
    }

    /// What many reads in a row say is the newest version, and whether writing it was acknowledged.
    async fn newest(store: &MemoryStore, write: WriteFault) -> (bool, Vec<i64>) {
        store.write(vec![cell(1)]).await.unwrap();
        store.script_writes([Some(write)]);
        let acknowledged = store.write(vec![cell(2)]).await.is_ok();
        let mut seen = Vec::new();
        for _ in 0..6 {
            let cells = read_all(store, Query::one(&cell(0).key)).await.unwrap();
            seen.push(cells[0].timestamp);
        }
        (acknowledged, seen)
    }

    #[tokio::test]
    async fn at_quorum_what_was_acknowledged_is_never_read_stale() {
        for reached in [[true, true, false], [true, false, true], [false, true, true], [true; 3]] {
            let read = newest(&MemoryStore::new(), WriteFault::Reaches(reached)).await;
            assert_eq!(read, (true, vec![2; 6]));
        }
        let (acknowledged, _) = newest(&MemoryStore::new(), WriteFault::Reaches([false, true, false])).await;
        assert!(!acknowledged, "one replica is no quorum");
    }

    #[tokio::test]
    async fn reading_at_one_shows_a_stale_cell() {
        let store = MemoryStore::new();
        store.set_read_level(Level::One);
        let read = newest(&store, WriteFault::Reaches([true, true, false])).await;
        assert_eq!(read, (true, vec![2, 2, 1, 2, 2, 1]));
    }

    #[tokio::test]
    async fn writing_at_one_shows_a_stale_cell() {
        let store = MemoryStore::new();
        store.set_write_level(Level::One);
        let (acknowledged, seen) = newest(&store, WriteFault::Reaches([true, false, false])).await;
        assert!(acknowledged && seen.contains(&1), "{seen:?}");
    }

    #[tokio::test]
    async fn an_unknown_outcome_may_have_been_stored_and_the_same_write_again_is_right() {
        let store = MemoryStore::new();
        let somewhere = WriteFault::Unknown([false, false, true]);
        store.script_writes([
            Some(somewhere),
            Some(WriteFault::Overloaded),
            Some(WriteFault::Unknown([false; 3])),
        ]);
        assert!(matches!(store.write(vec![cell(1)]).await, Err(StoreError::UnknownOutcome(_))));
        assert!(matches!(store.write(vec![cell(2)]).await, Err(StoreError::Overloaded(_))));
        assert!(matches!(store.write(vec![cell(3)]).await, Err(StoreError::UnknownOutcome(_))));
        assert_eq!(store.all(), [cell(1)]);
        store.write(vec![cell(1)]).await.unwrap();
        assert_eq!(store.all(), [cell(1)]);
    }

    #[tokio::test]
    async fn a_chunk_that_fails_fails_the_whole_answer() {
        let store = MemoryStore::new();
        store.set_chunk_cells(2);
        let partition = vec![1_i64.into(), 0_i64.into(), 0_i64.into(), 0_i64.into()];
        let key = |block: i64| CellKey::new(&LEDGER, partition.clone(), vec![block.into()]);
        let cells = (0..5).map(|block| Cell { key: key(block), timestamp: 1, value: Bytes::new() }).collect();
        store.write(cells).await.unwrap();
        let query = Query::all(&LEDGER, partition.clone());
        assert_eq!(read_all(&store, query.clone()).await.unwrap().len(), 5);
        store.script_reads([None, None, Some(ReadFault::Unavailable)]);
        assert!(matches!(read_all(&store, query.clone()).await, Err(StoreError::Unavailable(_))));
        store.script_reads([None, Some(ReadFault::Damaged)]);
        assert!(matches!(read_all(&store, query).await, Err(StoreError::Damaged { table: "ledger", .. })));
    }
}
