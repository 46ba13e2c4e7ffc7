//! The accounting core: one partition's owner as a state machine without I/O.
//!
//! Inputs are facts, records, loaded cells, outcomes and ticks; outputs are calls. Every value it writes is an absolute
//! value that follows from its key and the log up to a position, and that position is its write timestamp: a replay
//! writes the same, and a stale writer loses.

mod apply;
mod asked;
mod assign;
mod batch;
mod cache;
mod fingerprints;
mod flush;
mod ids;
mod letter;
mod state;

use crate::alarm::Alarm;
use domain::aggregate::RowKey;
use domain::checkpoint::{Checkpoint, Totals};
use domain::dead_letter::{DeadLetter, DeadLetterId};
use domain::generation::{Generation, Incarnation};
use domain::ledger::{BLOCK_IDS, SliceKey};
use domain::port::{Entry, Query, Watermarks};
use domain::table::{Cell, LEDGER};
use domain::time::Timestamp;
use proto::published::Revision;
use state::State;
use std::sync::Arc;

/// Bounds of what an owner holds in memory, and the length of a ledger block.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Ids that end a ledger block. It is part of the ledger's layout: constant for ever outside of tests.
    pub block_ids: u32,
    /// Rows and dead letters' states held before clean ones are evicted.
    pub rows_max: usize,
    /// Bytes that ids take before clean sets are evicted. No decision follows from it.
    pub id_bytes_max: usize,
    /// Bits of an id's fingerprint; the rest of 48 names its block.
    pub print_bits: u32,
    /// Bytes of records read since the last flush that start the next one before its tick.
    pub flush_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            block_ids: BLOCK_IDS,
            rows_max: 50_000,
            id_bytes_max: 256 << 20,
            print_bits: 32,
            flush_bytes: 4 << 20,
        }
    }
}

/// What a partition is assigned with: read at quorum, after the assignment.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The clock; it decides about an alarm, never about a value.
    pub now: Timestamp,
    /// The stored checkpoint, if there is one.
    pub checkpoint: Option<Checkpoint>,
    /// What the log holds.
    pub watermarks: Watermarks,
    /// Which incarnation the log says it is.
    pub incarnation: Incarnation,
    /// The incarnations the registry knows, oldest first.
    pub known: Vec<Incarnation>,
    /// The incarnations before which what was not counted was declared lost.
    pub losses: Vec<u32>,
    /// The record before the checkpoint's next, where the log still holds it.
    pub previous: Option<Entry>,
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// The partition is ours from now on: whatever was held is dropped.
    Assigned(Box<Facts>),
    /// The partition is not ours any more: whatever was held is dropped.
    Revoked,
    /// The next records of the log, only while [`Owner::wants_records`].
    Records(Vec<Entry>),
    /// The complete answer to a load.
    Loaded(CallId, Vec<Cell>),
    /// A call is durable.
    Done(CallId),
    /// A call was refused, timed out or lost: nobody knows what became of it.
    Unknown(CallId),
    /// It is time to flush.
    Tick,
    /// The log ended at `high` after the clock had said `clock`.
    Probe {
        /// The offset that was wanted next before the log was asked: all below it had been read.
        next: u64,
        /// When.
        clock: Timestamp,
        /// The log's high watermark, asked after the clock was read.
        high: u64,
    },
}

/// Names a call until it is concluded; never used twice by one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(u64);

/// What shall be done.
#[derive(Clone, Debug)]
pub enum Output {
    /// Make a call and answer it.
    Call(CallId, Call),
    /// All that was acknowledged before the instant is counted.
    Watermark(Timestamp),
    /// A flush is durable and its checkpoint too.
    Flushed(Flushed),
}

/// What a flush made durable.
#[derive(Clone, Debug)]
pub struct Flushed {
    /// The books since the flush before.
    pub counted: Totals,
    /// The books of the partition.
    pub books: Totals,
    /// What was published.
    pub publication: Arc<Publication>,
    /// Cells that were written beside the checkpoint's.
    pub cells: usize,
    /// Bytes of their values.
    pub bytes: usize,
}

/// What an owner holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Aggregate rows and states of dead letters.
    pub rows: usize,
    /// Hot ids.
    pub ids: usize,
    /// Sets they are held in.
    pub id_sets: usize,
    /// Bytes that those take.
    pub id_bytes: usize,
    /// Bytes of what was read since the last flush.
    pub fresh_bytes: usize,
}

impl Memory {
    /// About how much that is: a row is as large as it was measured.
    pub fn bytes(&self) -> usize {
        self.rows * 600 + self.id_bytes + self.fresh_bytes
    }
}

/// A call on the world, answered by [`Input::Done`] (a load by [`Input::Loaded`]) or by [`Input::Unknown`]; after the
/// latter the same call comes again, for ever.
#[derive(Clone, Debug)]
pub enum Call {
    /// Read cells, all of them or fail, and answer with [`Input::Loaded`].
    Load(Load),
    /// Write rows, blocks and pages: the aggregation path.
    Aggregation(Arc<[Cell]>),
    /// Write dead letters and their states: the dead-letter path.
    DeadLetters(Arc<[Cell]>),
    /// Append revisions and mirrored dead letters to their topics.
    Publish(Arc<Publication>),
    /// Write the checkpoint.
    Checkpoint(Arc<[Cell]>),
}

impl Call {
    /// What it is, for those who count calls.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Load(_) => "load",
            Self::Aggregation(_) => "aggregation",
            Self::DeadLetters(_) => "dead_letters",
            Self::Publish(_) => "publish",
            Self::Checkpoint(_) => "checkpoint",
        }
    }
}

/// What others may read after a flush.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Publication {
    /// Every aggregate row the flush wrote.
    pub revisions: Vec<Revision>,
    /// Every dead letter the flush wrote.
    pub dead_letters: Vec<DeadLetter>,
}

/// State that must be read before a batch can be applied.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Load {
    /// An aggregate row.
    Row(RowKey),
    /// All ids of a bucket's slice.
    Slice(SliceKey),
    /// One block of them, which may hold an id that the fingerprint of one in it looks like.
    Block(SliceKey, i64),
    /// A dead letter's state.
    LetterState(DeadLetterId),
    /// A dead letter that is purged.
    Letter(DeadLetterId),
}

impl Load {
    /// What it reads, for those who count reads.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Row(_) => "row",
            Self::Slice(_) => "slice",
            Self::Block(..) => "block",
            Self::LetterState(_) => "letter_state",
            Self::Letter(_) => "letter",
        }
    }

    /// The read that answers it, complete or not at all.
    pub fn query(&self) -> Query {
        match self {
            Self::Row(key) => Query::one(&key.cell_key()),
            Self::Slice(key) => Query::all(&LEDGER, key.partition_key()),
            Self::Block(key, number) => Query::one(&key.cell_key(*number)),
            Self::LetterState(id) => Query::one(&id.state_key()),
            Self::Letter(id) => Query::one(&id.cell_key()),
        }
    }
}

/// Why an owner cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// A gap or a regression of offsets: assign again.
    #[error("offset {found} came where {expected} was due")]
    Reassign {
        /// The offset that was due.
        expected: u64,
        /// The offset that came.
        found: u64,
    },
    /// Somebody must act.
    #[error(transparent)]
    Alarm(#[from] Alarm),
}

/// What an owner is the owner of.
#[derive(Debug)]
struct Place {
    generation: Arc<Generation>,
    partition: u32,
    limits: Limits,
}

/// The owner of one partition.
#[derive(Debug)]
pub struct Owner {
    place: Place,
    calls: u64,
    state: Option<State>,
}

impl Owner {
    /// An owner that was not assigned yet.
    pub fn new(generation: Arc<Generation>, partition: u32, limits: Limits) -> Self {
        Self { place: Place { generation, partition, limits }, calls: 0, state: None }
    }

    /// Takes what happened and says what shall be done. After an error the state is gone and only an assignment helps.
    pub fn handle(&mut self, input: Input) -> Result<Vec<Output>, Stop> {
        let held = self.state.take();
        let (state, outputs) = match (input, held) {
            (Input::Assigned(facts), _) => (Some(State::assigned(&self.place, &facts)?), Vec::new()),
            (Input::Revoked, _) | (_, None) => (None, Vec::new()),
            (input, Some(state)) => {
                let (state, outputs) = state.advance(&self.place, &mut self.calls, input)?;
                (Some(state), outputs)
            }
        };
        self.state = state;
        Ok(outputs)
    }

    /// Ids may take so many bytes from now on.
    pub fn allow_id_bytes(&mut self, bytes: usize) {
        self.place.limits.id_bytes_max = bytes;
    }

    /// Whether it takes [`Input::Records`] now: it is assigned, what it took is applied, and memory is within bounds.
    pub fn wants_records(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.wants_records(&self.place))
    }

    /// The next offset it wants, once assigned.
    pub fn next_offset(&self) -> Option<u64> {
        self.state.as_ref().map(State::next_offset)
    }

    /// Everything below this offset is durably counted, once assigned.
    pub fn durable_offset(&self) -> Option<u64> {
        self.state.as_ref().map(State::durable_offset)
    }

    /// What it holds.
    pub fn memory(&self) -> Memory {
        self.state.as_ref().map(State::memory).unwrap_or_default()
    }

    /// Whether everything it read is durably counted.
    pub fn is_settled(&self) -> bool {
        self.state.as_ref().is_none_or(State::is_settled)
    }
}
