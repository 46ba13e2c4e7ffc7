//! Rules 7 to 9: one write per dirty cell, then publish, then the checkpoint, each only after the one before is durable.

use super::letter;
use super::state::State;
use super::{Call, CallId, Flushed, Output, Place, Publication};
use domain::checkpoint::Checkpoint;
use domain::dead_letter::{DeadLetter, DeadLetterId};
use domain::ledger::SliceKey;
use domain::position::Position;
use domain::table::Cell;
use proto::blob::Blob;
use proto::published::Revision;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A checkpoint is kept for later this often, by arrival time.
const HISTORY_SECONDS: i64 = 600;

/// A flush under way.
#[derive(Debug)]
pub(super) struct Flush {
    stage: Stage,
    /// Calls that are not known to be done.
    open: BTreeMap<CallId, Call>,
    written: Written,
    publication: Arc<Publication>,
    checkpoint: Checkpoint,
    checkpoint_cells: Arc<[Cell]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Writing,
    Publishing,
    Checkpointing,
}

/// What a flush wrote, by the position it had then.
#[derive(Debug, Default)]
struct Written {
    blocks: Vec<(SliceKey, i64, Position)>,
    letters: Vec<(DeadLetterId, Position)>,
    cells: usize,
    bytes: usize,
}

impl Written {
    fn add(&mut self, cells: &[Cell]) {
        self.cells += cells.len();
        self.bytes += cells.iter().map(|cell| cell.value.len()).sum::<usize>();
    }
}

impl Flush {
    pub(super) fn opened(&mut self, id: CallId, call: Call) {
        self.open.insert(id, call);
    }

    pub(super) fn find_open(&self, id: CallId) -> Option<Call> {
        self.open.get(&id).cloned()
    }

    /// A dead letter that is on its way to the store.
    pub(super) fn find_letter(&self, id: &DeadLetterId) -> Option<&DeadLetter> {
        self.publication.dead_letters.iter().find(|letter| letter.id == *id)
    }

    /// The call of the next stage. `None`: there is none.
    fn next_call(&mut self) -> Option<Call> {
        match self.stage {
            Stage::Writing => {
                self.stage = Stage::Publishing;
                Some(Call::Publish(Arc::clone(&self.publication)))
            }
            Stage::Publishing => {
                self.stage = Stage::Checkpointing;
                Some(Call::Checkpoint(Arc::clone(&self.checkpoint_cells)))
            }
            Stage::Checkpointing => None,
        }
    }
}

impl State {
    /// Starts the flush that is due, where none is under way and no batch is half applied.
    pub(super) fn start_flush(&mut self, place: &Place) -> Vec<Call> {
        let free = self.flush.is_none() && self.batch.is_none();
        if !(self.flush_due && free) {
            return Vec::new();
        }
        self.flush_due = false;
        if !self.has_unwritten() {
            return Vec::new();
        }
        let fresh = std::mem::take(&mut self.fresh);
        let mut written = Written::default();
        let mut cells = fresh.pages;
        let revisions: Vec<Revision> =
            self.rows.dirty().map(|(key, row)| Revision { key: key.clone(), row: row.clone() }).collect();
        cells.extend(revisions.iter().map(row_cell));
        for (key, number, block) in self.ids.dirty() {
            written.blocks.push((key, number, block.position()));
            cells.push(Cell {
                key: key.cell_key(number),
                timestamp: block.position().raw(),
                value: block.to_blob(),
            });
        }
        let mut letter_cells: Vec<Cell> = fresh.letters.iter().map(letter::cell).collect();
        letter_cells.extend(fresh.purged);
        for (id, state) in self.letters.dirty() {
            written.letters.push((*id, state.position));
            letter_cells.push(Cell {
                key: id.state_key(),
                timestamp: state.position.raw(),
                value: state.to_blob(),
            });
        }
        written.add(&cells);
        written.add(&letter_cells);
        let checkpoint_cells = self.checkpoint_cells(place);
        self.flush = Some(Flush {
            stage: Stage::Writing,
            open: BTreeMap::new(),
            written,
            publication: Arc::new(Publication { revisions, dead_letters: fresh.letters }),
            checkpoint: self.reached.clone(),
            checkpoint_cells,
        });
        let aggregation = (!cells.is_empty()).then(|| Call::Aggregation(cells.into()));
        let dead_letters = (!letter_cells.is_empty()).then(|| Call::DeadLetters(letter_cells.into()));
        aggregation.into_iter().chain(dead_letters).collect()
    }

    /// A call is durable. When all of its stage are, the next stage begins.
    pub(super) fn done(&mut self, calls: &mut u64, id: CallId) -> Option<Output> {
        let flush = self.flush.as_mut()?;
        flush.open.remove(&id)?;
        if !flush.open.is_empty() {
            return None;
        }
        match flush.next_call() {
            Some(call) => Some(self.issue(calls, call)),
            None => self.finish_flush().map(Output::Flushed),
        }
    }

    /// Everything below the checkpoint is on a quorum and published; what it wrote is clean.
    fn finish_flush(&mut self) -> Option<Flushed> {
        let flush = self.flush.take()?;
        self.durable = flush.checkpoint.next;
        let before = std::mem::replace(&mut self.books, flush.checkpoint.totals);
        for Revision { key, row } in &flush.publication.revisions {
            self.rows.acknowledge(key, row.position);
        }
        for (key, number, position) in flush.written.blocks {
            self.ids.acknowledge(&key, number, position);
        }
        for (id, position) in flush.written.letters {
            self.letters.acknowledge(&id, position);
        }
        Some(Flushed {
            counted: self.books - before,
            books: self.books,
            publication: flush.publication,
            cells: flush.written.cells,
            bytes: flush.written.bytes,
        })
    }

    fn checkpoint_cells(&mut self, place: &Place) -> Arc<[Cell]> {
        if let Some(last) = &self.last {
            self.reached.fingerprint = domain::hash::fingerprint(&last.value);
        }
        let (generation, partition) = (place.generation.number, place.partition);
        let (timestamp, value) = (self.reached.position().raw(), self.reached.to_blob());
        let mut cells = Vec::with_capacity(2);
        if self.reached.arrival >= self.history.plus_seconds(HISTORY_SECONDS) {
            self.history = self.reached.arrival;
            let key = Checkpoint::history_key(generation, partition, self.reached.arrival);
            cells.push(Cell { key, timestamp, value: value.clone() });
        }
        cells.push(Cell { key: Checkpoint::cell_key(generation, partition), timestamp, value });
        cells.into()
    }
}

fn row_cell(revision: &Revision) -> Cell {
    Cell {
        key: revision.key.cell_key(),
        timestamp: revision.row.position.raw(),
        value: revision.row.to_blob(),
    }
}
