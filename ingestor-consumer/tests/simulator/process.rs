//! Consumer processes: owners, and calls on the way between them and the store.

use crate::history::Spot;
use crate::random::Random;
use domain::generation::Registry;
use domain::table::Cell;
use domain::time::Timestamp;
use ingestor_consumer::core::{Call, CallId, Input, Limits, Load, Output, Owner, Stop};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How many ticks of a process bring another bound for ids.
const TICKS_PER_BOUND: usize = 10;
/// What ids may take: nothing, a few sets, or all there are.
const ID_BYTES: [usize; 4] = [0, 2_000, 10_000, 200_000];

/// Bounds so small that blocks fill, caches overflow and flushes overlap within a short schedule; some are wide, so that
/// much is kept, and records are taken while a flush is under way. Short prints make ids look like others.
pub fn limits(random: &mut Random) -> Limits {
    Limits {
        block_ids: 3,
        rows_max: *random.pick(&[2, 4, 40]),
        id_bytes_max: *random.pick(&ID_BYTES),
        print_bits: *random.pick(&[2, 8, 32, 46]),
        flush_bytes: *random.pick(&[400, 3_000, 30_000]),
    }
}

/// What the world answered to a call.
pub enum Answer {
    Loaded(Vec<Cell>),
    Done,
    Unknown,
}

/// A call on its way there, or back with an answer.
pub struct Travelling {
    pub spot: Spot,
    pub id: CallId,
    pub call: Call,
    pub answer: Option<Answer>,
}

/// One process.
pub struct Process {
    limits: Limits,
    owners: BTreeMap<Spot, Owner>,
    /// Spots whose log got another incarnation since they were assigned.
    pub stale: BTreeSet<Spot>,
    pub calls: Vec<Travelling>,
    ticks: usize,
    /// How often a block was read that a fingerprint named.
    pub block_reads: usize,
    /// It knows the newer format of records.
    pub is_upgraded: bool,
}

impl Process {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            owners: BTreeMap::new(),
            stale: BTreeSet::new(),
            calls: Vec::new(),
            ticks: 0,
            block_reads: 0,
            is_upgraded: false,
        }
    }

    /// Hands an input to the owner of a spot. What it says goes out; a watermark is returned.
    pub fn hand(&mut self, spot: Spot, registry: &Registry, input: Input) -> Result<Option<Timestamp>, Stop> {
        let owner = self.owners.entry(spot).or_insert_with(|| {
            let generation = registry.find(spot.0).unwrap();
            Owner::new(Arc::clone(generation), spot.1, self.limits)
        });
        if matches!(input, Input::Assigned(_)) {
            self.stale.remove(&spot);
        }
        if matches!(input, Input::Tick) {
            self.ticks += 1;
            if self.ticks.is_multiple_of(TICKS_PER_BOUND) {
                owner.allow_id_bytes(ID_BYTES[self.ticks / TICKS_PER_BOUND % ID_BYTES.len()]);
            }
        }
        let mut watermark = None;
        for output in owner.handle(input)? {
            match output {
                Output::Call(id, call) => {
                    self.block_reads += usize::from(matches!(call, Call::Load(Load::Block(..))));
                    self.calls.push(Travelling { spot, id, call, answer: None });
                }
                Output::Watermark(time) => watermark = Some(time),
                Output::Flushed(_) => {}
            }
        }
        Ok(watermark)
    }

    pub fn owner(&self, spot: Spot) -> Option<&Owner> {
        self.owners.get(&spot)
    }

    /// A log has another incarnation from now on.
    pub fn outdate(&mut self, generation: u32) {
        let spots = self.owners.keys().filter(|spot| spot.0 == generation);
        self.stale.extend(spots);
    }

    /// The spots it believes to own.
    pub fn believes(&self) -> Vec<Spot> {
        let assigned = self.owners.iter().filter(|(_, owner)| owner.next_offset().is_some());
        assigned.map(|(spot, _)| *spot).collect()
    }

    /// The process is gone, and comes back perhaps upgraded; what was on its way to the store may still arrive.
    pub fn crash(&mut self, random: &mut Random) -> Vec<Call> {
        self.owners.clear();
        self.is_upgraded |= random.chance(40);
        let calls = std::mem::take(&mut self.calls);
        let under_way = calls.into_iter().filter(|travelling| travelling.answer.is_none());
        under_way.filter(|_| random.chance(50)).map(|travelling| travelling.call).collect()
    }
}
