//! What an owner holds between an assignment and its end, and how inputs move it.

use super::batch::Batch;
use super::cache::Cache;
use super::flush::Flush;
use super::ids::Ids;
use super::letter;
use super::{Call, CallId, Input, Load, Memory, Output, Place, Stop};
use crate::alarm::Alarm;
use domain::aggregate::{Row, RowKey};
use domain::checkpoint::{Checkpoint, Totals};
use domain::dead_letter::{DeadLetter, DeadLetterId, DeadLetterState};
use domain::ledger::Block;
use domain::port::Entry;
use domain::position::Position;
use domain::table::Cell;
use domain::time::Timestamp;
use proto::blob::Blob;
use std::collections::{HashMap, VecDeque};

/// What was read since the last flush and is not a row or an id.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    pub(super) pages: Vec<Cell>,
    pub(super) letters: Vec<DeadLetter>,
    /// Cells of dead letters that were purged.
    pub(super) purged: Vec<Cell>,
    pub(super) bytes: usize,
}

impl Fresh {
    /// Keeps a dead letter. It is held three times until it is written: as itself, as a cell and as a mirrored record.
    pub(super) fn keep(&mut self, letter: DeadLetter) {
        self.bytes += 3 * letter.payload.len();
        self.letters.push(letter);
    }

    /// Writes a dead letter again without its payload: one that was read since the last flush, or an `older` one.
    pub(super) fn purge(&mut self, id: &DeadLetterId, older: Option<&DeadLetter>, purge: Position) {
        let fresh = self.letters.iter().find(|letter| letter.id == *id);
        self.purged.extend(fresh.or(older).map(|letter| letter::purged_cell(letter, purge)));
    }
}

/// An instant, and the log's end that was asked for after it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    clock: Timestamp,
    high: u64,
}

#[derive(Debug)]
pub(super) struct State {
    /// Everything below is applied; together with the fields within, the checkpoint of the next flush.
    pub(super) reached: Checkpoint,
    /// The last record applied since the assignment: the next checkpoint's fingerprint is its.
    pub(super) last: Option<Entry>,
    /// Everything below is durably counted.
    pub(super) durable: u64,
    /// The books up to there.
    pub(super) books: Totals,
    /// The incarnation that records must carry.
    pub(super) incarnation: u32,
    /// A first record that arrived before this instant is too old to be replayed.
    pub(super) replay_from: Option<Timestamp>,
    /// The arrival time at which the last checkpoint of the past was kept.
    pub(super) history: Timestamp,
    pub(super) rows: Cache<RowKey, Row>,
    pub(super) letters: Cache<DeadLetterId, DeadLetterState>,
    pub(super) ids: Ids,
    pub(super) fresh: Fresh,
    /// Records that were handed over and are not in a batch yet.
    pub(super) waiting: VecDeque<Entry>,
    pub(super) batch: Option<Batch>,
    pub(super) loads: HashMap<CallId, Load>,
    pub(super) flush: Option<Flush>,
    pub(super) flush_due: bool,
    /// Counts batches, to tell what was used last.
    pub(super) age: u64,
    /// Raised once all that was read before it is durable.
    pub(super) halted: Option<Stop>,
    pub(super) probe: Option<Probe>,
    pub(super) watermark: Timestamp,
}

impl State {
    /// Moves on by one input and says what shall be done.
    pub(super) fn advance(
        mut self,
        place: &Place,
        calls: &mut u64,
        input: Input,
    ) -> Result<(Self, Vec<Output>), Stop> {
        let mut outputs = Vec::new();
        match input {
            Input::Records(entries) => self.waiting.extend(entries),
            Input::Loaded(id, answer) => self.take_in(id, &answer)?,
            Input::Done(id) => outputs.extend(self.done(calls, id)),
            Input::Unknown(id) => return Ok(self.again(id)),
            Input::Tick => self.flush_due = true,
            Input::Probe { next, clock, high } => {
                self.saw_end(next, Probe { clock, high });
            }
            Input::Assigned(_) | Input::Revoked => {}
        }
        self.work_off(place, calls, &mut outputs)?;
        for call in self.start_flush(place) {
            outputs.push(self.issue(calls, call));
        }
        outputs.extend(self.reached_watermark());
        match &self.halted {
            Some(stop) if self.is_settled() => Err(stop.clone()),
            _ => Ok((self, outputs)),
        }
    }

    /// What had been read when the log's end was asked for lies below it, or the log lost records that were read: it is
    /// no fold of this log any more. All that was read is made durable, so that the next assignment says the same.
    fn saw_end(&mut self, next: u64, probe: Probe) {
        if probe.high < next {
            let alarm = Alarm::LogTooShort { next, high: probe.high };
            self.halted.get_or_insert(alarm.into());
            self.flush_due = true;
        } else {
            self.probe.get_or_insert(probe);
        }
    }

    /// Applies batch after batch, until one waits for loads, memory is full, or nothing is left.
    fn work_off(&mut self, place: &Place, calls: &mut u64, outputs: &mut Vec<Output>) -> Result<(), Stop> {
        while self.loads.is_empty() {
            self.apply(place);
            self.evict(place);
            let full = self.is_full(place);
            self.flush_due |= full;
            if self.waiting.is_empty() || (full && self.is_flushing()) {
                break;
            }
            for load in self.next_batch(place)? {
                outputs.push(self.issue(calls, Call::Load(load)));
            }
        }
        Ok(())
    }

    pub(super) fn issue(&mut self, calls: &mut u64, call: Call) -> Output {
        *calls += 1;
        let id = CallId(*calls);
        match (&call, &mut self.flush) {
            (Call::Load(load), _) => {
                self.loads.insert(id, load.clone());
            }
            (_, Some(flush)) => flush.opened(id, call.clone()),
            (_, None) => {}
        }
        Output::Call(id, call)
    }

    /// The same call again: nobody knows whether it was done, and done twice it is the same.
    fn again(self, id: CallId) -> (Self, Vec<Output>) {
        let load = self.loads.get(&id).map(|load| Call::Load(load.clone()));
        let call = load.or_else(|| self.flush.as_ref()?.find_open(id));
        let outputs = call.map(|call| Output::Call(id, call)).into_iter().collect();
        (self, outputs)
    }

    fn take_in(&mut self, id: CallId, answer: &[Cell]) -> Result<(), Stop> {
        let Some(load) = self.loads.remove(&id) else { return Ok(()) };
        let checkpoint = Position::before(self.durable);
        match load {
            Load::Row(key) => self.rows.insert_loaded(key, single(answer)?, checkpoint),
            Load::LetterState(id) => self.letters.insert_loaded(id, single(answer)?, checkpoint),
            Load::Letter(id) => {
                let letter = answer.first().map(decode).transpose()?;
                self.batch.get_or_insert_default().purged.insert(id, letter);
            }
            Load::Slice(key) => {
                let blocks = answer.iter().map(block).collect::<Result<Vec<_>, _>>()?;
                self.ids.insert_loaded(key, blocks, checkpoint, self.reached.block);
            }
            Load::Block(key, number) => {
                let gone = || Alarm::DamagedCell {
                    what: format!("block {number} of the ledger at {key:?} was written and is gone"),
                };
                self.ids.answer(&decode(answer.first().ok_or_else(gone)?)?);
            }
        }
        Ok(())
    }

    fn evict(&mut self, place: &Place) {
        let checkpoint = Position::before(self.durable);
        self.rows.evict(place.limits.rows_max, checkpoint);
        self.letters.evict(place.limits.rows_max, checkpoint);
        self.ids.let_go(checkpoint, self.reached.block);
        self.ids.evict(place.limits.id_bytes_max, checkpoint);
    }

    fn reached_watermark(&mut self) -> Option<Output> {
        let probe = self.probe.take_if(|probe| self.durable >= probe.high)?;
        if probe.clock <= self.watermark {
            return None;
        }
        self.watermark = probe.clock;
        Some(Output::Watermark(probe.clock))
    }

    pub(super) fn wants_records(&self, place: &Place) -> bool {
        let idle = self.batch.is_none() && self.waiting.is_empty() && self.halted.is_none();
        idle && !(self.is_full(place) && self.is_flushing())
    }

    /// Memory is at its bound. A flush makes room, where there is something to flush.
    fn is_full(&self, place: &Place) -> bool {
        let limits = &place.limits;
        self.fresh.bytes >= limits.flush_bytes
            || self.rows.len() > limits.rows_max
            || self.letters.len() > limits.rows_max
            || self.ids.bytes() > limits.id_bytes_max
    }

    /// Something is on its way to the store, or has to go there.
    fn is_flushing(&self) -> bool {
        self.flush.is_some() || self.has_unwritten()
    }

    pub(super) fn memory(&self) -> Memory {
        Memory {
            rows: self.rows.len() + self.letters.len(),
            ids: self.ids.len(),
            id_sets: self.ids.sets(),
            id_bytes: self.ids.bytes(),
            fresh_bytes: self.fresh.bytes,
        }
    }

    pub(super) fn next_offset(&self) -> u64 {
        let of_batch = self.batch.as_ref().map_or(self.reached.next, |batch| batch.next);
        self.waiting.back().map_or(of_batch, |entry| entry.offset + 1)
    }

    pub(super) fn durable_offset(&self) -> u64 {
        self.durable
    }

    pub(super) fn is_settled(&self) -> bool {
        self.batch.is_none() && self.waiting.is_empty() && !self.is_flushing()
    }

    pub(super) fn has_unwritten(&self) -> bool {
        self.durable < self.reached.next
            || self.rows.dirty().next().is_some()
            || self.letters.dirty().next().is_some()
            || self.ids.dirty().next().is_some()
    }
}

/// The value of a cell that may not exist yet.
fn single<V: Blob + Default>(cells: &[Cell]) -> Result<V, Alarm> {
    cells.first().map_or_else(|| Ok(V::default()), decode)
}

fn block(cell: &Cell) -> Result<(i64, Block), Alarm> {
    let number = cell.key.clustering.first().and_then(domain::table::KeyValue::as_int);
    let damaged =
        || Alarm::DamagedCell { what: format!("a block of the ledger without number at {:?}", cell.key) };
    Ok((number.ok_or_else(damaged)?, decode(cell)?))
}

fn decode<V: Blob>(cell: &Cell) -> Result<V, Alarm> {
    let damaged =
        |error| Alarm::DamagedCell { what: format!("{} at {:?}: {error}", cell.key.table.name, cell.key) };
    V::from_blob(&cell.value).map_err(damaged)
}
