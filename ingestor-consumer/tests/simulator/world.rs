//! The world of one schedule: a log, three replicas, three processes, clients, and everything that goes wrong.

use crate::clients::Clients;
use crate::generations::{ANNOUNCED_SECONDS, EDGE_STALE_SECONDS_MAX, START_SECONDS, registries};
use crate::history::{History, Spot};
use crate::process::{Answer, Process, Travelling, limits};
use crate::random::Random;
use backends::memory::Replicas;
use bytes::Bytes;
use domain::checkpoint::Checkpoint;
use domain::dead_letter::{DeadLetter, DeadLetterId};
use domain::generation::{Generation, Registry};
use domain::port::{Entry, Query, Watermarks};
use domain::table::{Cell, CellKey};
use domain::time::Timestamp;
use ingestor_consumer::alarm::Alarm;
use ingestor_consumer::core::{Call, Facts, Input, Owner, Publication, Stop};
use proto::blob::Blob;
use proto::published::Revision;
use proto::record::FORMAT_HEADER;
use std::collections::{BTreeMap, BTreeSet, HashMap};

const PROCESSES: usize = 3;
/// How many of the three replicas a read asks, and a write must reach to be acknowledged.
const READ_QUORUM: usize = 2;
const WRITE_QUORUM: usize = 2;

/// One schedule's world.
pub struct World {
    pub random: Random,
    pub registry: Registry,
    /// The registry before the second generation was announced.
    early: Registry,
    pub history: History,
    pub store: Replicas,
    pub published: Vec<Revision>,
    pub mirrored: BTreeMap<DeadLetterId, DeadLetter>,
    /// The first value of every write timestamp of every cell.
    written: HashMap<(CellKey, i64), Bytes>,
    clients: Clients,
    pub processes: Vec<Process>,
    /// Whom the coordinator means to own a spot.
    owners: BTreeMap<Spot, usize>,
    /// Writes of crashed processes that are still under way.
    stray: Vec<Call>,
    /// Records of a format that only upgraded processes know.
    newer: BTreeSet<(Spot, u64)>,
    /// Records that were damaged on their way once.
    damaged: BTreeSet<(Spot, u64)>,
    /// Where logs begin that were trimmed or are another incarnation.
    pub low: BTreeMap<Spot, u64>,
    now: Timestamp,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let (early, registry) = registries();
        let mut random = Random::new(seed);
        let limits = limits(&mut random);
        let mut world = Self {
            random,
            registry,
            early,
            history: History::default(),
            store: Replicas::new(),
            published: Vec::new(),
            mirrored: BTreeMap::new(),
            written: HashMap::new(),
            clients: Clients::default(),
            processes: (0..PROCESSES).map(|_| Process::new(limits)).collect(),
            owners: BTreeMap::new(),
            stray: Vec::new(),
            newer: BTreeSet::new(),
            damaged: BTreeSet::new(),
            low: BTreeMap::new(),
            now: Timestamp::from_seconds(START_SECONDS),
        };
        for spot in world.spots() {
            let process = world.random.below(PROCESSES);
            world.owners.insert(spot, process);
            world.assign(spot, process);
        }
        world
    }

    pub fn spots(&self) -> Vec<Spot> {
        let partitions = |generation: &Generation| {
            let number = generation.number;
            (0..generation.partitions).map(move |partition| (number, partition))
        };
        self.registry.generations().flat_map(|generation| partitions(generation)).collect()
    }

    /// Runs a schedule of `steps` with faults, then lets everything settle without.
    pub fn run(&mut self, steps: usize) {
        for _ in 0..steps {
            self.now = self.now.plus_seconds(i64::try_from(self.random.below(90)).unwrap());
            self.step();
        }
        self.settle();
    }

    fn step(&mut self) {
        match self.random.below(100) {
            0..28 => self.client_step(),
            28..58 => self.work_anywhere(),
            58..80 => self.travel(),
            80..83 => self.input_to_any(|_, _, _| Input::Tick),
            83..86 => self.input_to_any(|world, process, spot| Input::Probe {
                next: world.processes[process].owner(spot).and_then(Owner::next_offset).unwrap_or(0),
                clock: world.now,
                high: world.history.high(spot),
            }),
            86..91 => self.rebalance(),
            91..94 => self.crash(),
            94..96 => self.stray_write(),
            96..98 => self.tour(),
            98 => self.trim(),
            _ => self.migrate(),
        }
    }

    fn work_anywhere(&mut self) {
        if let Some((process, spot)) = self.any_owner() {
            self.work(process, spot);
        }
    }

    /// An owner has the stage for a while: records, ticks, calls and answers in any order.
    fn work(&mut self, process: usize, spot: Spot) {
        for _ in 0..self.random.below(10) {
            match self.random.below(10) {
                0..3 => self.feed(process, spot),
                3 => self.hand(process, spot, Input::Tick),
                _ => self.travel_once(process),
            }
        }
    }

    /// An edge learns of the second generation within five minutes. Now and then a new edge runs ahead of the consumers.
    fn client_step(&mut self) {
        let spots = self.spots();
        let spot = *self.random.pick(&spots);
        let before = self.history.high(spot);
        let since = self.now.seconds() - ANNOUNCED_SECONDS;
        let is_known = since >= 0 && (since >= EDGE_STALE_SECONDS_MAX || self.random.chance(50));
        let registry = if is_known { &self.registry } else { &self.early };
        self.clients.step(&mut self.random, registry, self.now, &mut self.history);
        if self.history.high(spot) > before && self.random.chance(3) {
            self.newer.insert((spot, before));
        }
    }

    pub fn any_process(&mut self) -> usize {
        self.random.below(PROCESSES)
    }

    /// A spot that some process believes to own: its owner, or a zombie.
    fn any_owner(&mut self) -> Option<(usize, Spot)> {
        let process = self.random.below(PROCESSES);
        let spots = self.processes[process].believes();
        (!spots.is_empty()).then(|| (process, *self.random.pick(&spots)))
    }

    fn input_to_any(&mut self, input: impl Fn(&Self, usize, Spot) -> Input) {
        if let Some((process, spot)) = self.any_owner() {
            let input = input(self, process, spot);
            self.hand(process, spot, input);
        }
    }

    fn hand(&mut self, process: usize, spot: Spot, input: Input) {
        match self.processes[process].hand(spot, &self.registry, input) {
            Ok(None) => {}
            Ok(Some(watermark)) => self.verify_watermark(spot, watermark),
            Err(Stop::Reassign { .. }) => self.assign(spot, process),
            Err(Stop::Alarm(Alarm::NewerFormat { offset, .. })) if self.newer.contains(&(spot, offset)) => {
                let durable = self.checkpoint(spot).map_or(0, |checkpoint| checkpoint.next);
                assert!(durable >= offset, "an alarm at {offset} while only {durable} is durable");
            }
            Err(Stop::Alarm(Alarm::DamagedRecord { offset })) if self.damaged.contains(&(spot, offset)) => {
                let durable = self.checkpoint(spot).map_or(0, |checkpoint| checkpoint.next);
                assert!(durable >= offset, "an alarm at {offset} while only {durable} is durable");
                self.assign(spot, process);
            }
            Err(Stop::Alarm(Alarm::IncarnationMismatch { .. }))
                if self.processes[process].stale.contains(&spot) => {}
            Err(stop @ Stop::Alarm(_)) => panic!("no alarm is due: {stop}"),
        }
    }

    /// All that was acknowledged before a watermark lies below the checkpoint that any quorum knows.
    fn verify_watermark(&mut self, spot: Spot, watermark: Timestamp) {
        let durable = self.checkpoint(spot).map_or(0, |checkpoint| checkpoint.next);
        let before =
            self.history.acknowledged.iter().filter(|told| told.spot == spot && told.time < watermark);
        for told in before {
            assert!(told.offset < durable, "watermark {watermark} is ahead of offset {}", told.offset);
        }
    }

    /// The next records reach an owner; now and then the wrong ones.
    fn feed(&mut self, process: usize, spot: Spot) {
        let Some(owner) = self.processes[process].owner(spot).filter(|owner| owner.wants_records()) else {
            return;
        };
        let mut from = owner.next_offset().unwrap();
        if self.random.chance(3) {
            from = self.random.below(usize::try_from(self.history.high(spot)).unwrap() + 1) as u64;
        }
        let count = 1 + self.random.below(4) as u64;
        let mut records: Vec<Entry> =
            (from..from + count).map_while(|at| self.record(process, spot, at)).collect();
        if self.random.chance(2) {
            self.damage(spot, &mut records);
        }
        if !records.is_empty() {
            self.hand(process, spot, Input::Records(records));
        }
    }

    /// A bit of a record of ours is flipped; it is whole again when it is read another time.
    fn damage(&mut self, spot: Spot, records: &mut [Entry]) {
        let ours = records.iter_mut().find(|entry| !entry.headers.is_empty());
        let Some(entry) = ours.filter(|entry| !self.newer.contains(&(spot, entry.offset))) else { return };
        let mut value = entry.value.to_vec();
        let index = self.random.below(value.len());
        value[index] ^= 1 << self.random.below(8);
        entry.value = value.into();
        self.damaged.insert((spot, entry.offset));
    }

    /// A record as a process sees it.
    fn record(&self, process: usize, spot: Spot, offset: u64) -> Option<Entry> {
        if offset < self.low(spot) {
            return None;
        }
        let mut entry = self.history.entry(spot, offset)?.clone();
        let process = &self.processes[process];
        // Who is still with the log before would meet our records of the new one, and nobody else's.
        if process.stale.contains(&spot) && offset >= self.first(spot) && entry.headers.is_empty() {
            return None;
        }
        if self.newer.contains(&(spot, offset)) && !process.is_upgraded {
            let mut headers = entry.headers.iter_mut();
            if let Some(format) = headers.find(|header| header.name == FORMAT_HEADER) {
                format.value = Bytes::from_static(b"2");
            }
        }
        Some(entry)
    }

    /// Calls reach the store, and answers reach their owners.
    fn travel(&mut self) {
        for _ in 0..8 {
            let process = self.random.below(PROCESSES);
            self.travel_once(process);
        }
    }

    fn travel_once(&mut self, process: usize) {
        if self.processes[process].calls.is_empty() {
            return;
        }
        let index = self.random.below(self.processes[process].calls.len());
        let mut travelling = self.processes[process].calls.swap_remove(index);
        if let Some(answer) = travelling.answer.take() {
            self.answer(process, &travelling, answer);
        } else {
            travelling.answer = Some(self.perform(&travelling.call));
            self.processes[process].calls.push(travelling);
        }
    }

    fn answer(&mut self, process: usize, travelling: &Travelling, answer: Answer) {
        let input = match answer {
            Answer::Loaded(cells) => Input::Loaded(travelling.id, cells),
            Answer::Done => Input::Done(travelling.id),
            Answer::Unknown => Input::Unknown(travelling.id),
        };
        self.hand(process, travelling.spot, input);
    }

    fn perform(&mut self, call: &Call) -> Answer {
        match call {
            Call::Load(_) if self.random.chance(10) => Answer::Unknown,
            Call::Load(load) => {
                Answer::Loaded(self.store.read(&load.query(), self.random.replicas(READ_QUORUM)))
            }
            Call::Publish(publication) => {
                let is_whole = self.random.chance(85);
                if is_whole {
                    self.publish(publication);
                }
                if is_whole && self.random.chance(80) { Answer::Done } else { Answer::Unknown }
            }
            Call::Aggregation(cells) | Call::DeadLetters(cells) | Call::Checkpoint(cells) => {
                self.write(cells)
            }
        }
    }

    /// A dead letter may be mirrored twice, as the same bytes.
    fn publish(&mut self, publication: &Publication) {
        self.published.extend(publication.revisions.iter().cloned());
        for letter in &publication.dead_letters {
            let first = self.mirrored.entry(letter.id).or_insert_with(|| letter.clone());
            assert!(first == letter, "I1 two dead letters of one position: {first:?}, {letter:?}");
        }
    }

    fn write(&mut self, cells: &[Cell]) -> Answer {
        let fate = self.random.below(100);
        for cell in cells {
            let least = if fate < 78 { WRITE_QUORUM } else { 0 };
            let reached = self.random.replicas(least);
            self.put(cell, reached);
        }
        if fate < 70 { Answer::Done } else { Answer::Unknown }
    }

    /// I1: whoever writes a cell with a timestamp, and however often, writes the same bytes.
    fn put(&mut self, cell: &Cell, reached: [bool; 3]) {
        let first =
            self.written.entry((cell.key.clone(), cell.timestamp)).or_insert_with(|| cell.value.clone());
        assert!(*first == cell.value, "I1 two values of one timestamp at {:?}", cell.key);
        self.store.write(cell, reached);
    }

    fn stray_write(&mut self) {
        if let Some(call) = self.stray.pop() {
            let _ = self.perform(&call);
        }
    }

    /// A spot moves to another process or comes back to the same one; the old owner may not hear of it.
    fn rebalance(&mut self) {
        let spots = self.spots();
        let spot = *self.random.pick(&spots);
        let old = self.owners[&spot];
        let new = self.random.below(PROCESSES);
        if self.random.chance(50) {
            self.hand(old, spot, Input::Revoked);
        }
        if self.random.chance(20) {
            self.offer_a_wrong_log(spot, new);
        }
        self.owners.insert(spot, new);
        self.assign(spot, new);
    }

    /// A spot is given to another process, which works, and comes back.
    fn tour(&mut self) {
        let spots = self.spots();
        let spot = *self.random.pick(&spots);
        let home = self.owners[&spot];
        self.work(home, spot);
        if self.random.chance(70) {
            self.hand(home, spot, Input::Revoked);
        }
        let guest = (home + 1 + self.random.below(PROCESSES - 1)) % PROCESSES;
        self.assign(spot, guest);
        (0..3).for_each(|_| self.work(guest, spot));
        self.assign(spot, home);
        self.work(home, spot);
    }

    fn crash(&mut self) {
        let process = self.random.below(PROCESSES);
        let stray = self.processes[process].crash(&mut self.random);
        self.stray.extend(stray);
        let owned: Vec<Spot> =
            self.owners.iter().filter(|(_, owner)| **owner == process).map(|(spot, _)| *spot).collect();
        for spot in owned {
            let heir = self.random.below(PROCESSES);
            self.owners.insert(spot, heir);
            self.assign(spot, heir);
        }
    }

    pub fn assign(&mut self, spot: Spot, process: usize) {
        let facts = self.facts(spot);
        self.hand(process, spot, Input::Assigned(Box::new(facts)));
    }

    pub fn facts(&mut self, spot: Spot) -> Facts {
        let checkpoint = self.checkpoint(spot);
        let next = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.next);
        let incarnations = self.registry.incarnations(spot.0).to_vec();
        let low = self.low(spot);
        let before = next.checked_sub(1).filter(|at| *at >= low);
        Facts {
            now: self.now,
            checkpoint,
            watermarks: Watermarks { low, high: self.history.high(spot) },
            incarnation: incarnations.last().unwrap().clone(),
            known: incarnations,
            losses: Vec::new(),
            previous: before.and_then(|at| self.history.entry(spot, at).cloned()),
        }
    }

    /// Where the log's newest incarnation begins.
    fn first(&self, spot: Spot) -> u64 {
        self.registry.incarnations(spot.0).last().unwrap().first_offsets[spot.1 as usize]
    }

    pub fn low(&self, spot: Spot) -> u64 {
        self.low.get(&spot).copied().unwrap_or(0)
    }

    pub fn outdate_owners(&mut self, generation: u32) {
        for process in &mut self.processes {
            process.outdate(generation);
        }
    }

    /// Retention removes records that every quorum knows to be counted.
    fn trim(&mut self) {
        let spots = self.spots();
        let spot = *self.random.pick(&spots);
        let low = self.counted_for_every_quorum(spot).saturating_sub(self.random.below(2) as u64);
        let held = self.low.entry(spot).or_default();
        *held = low.max(*held);
    }

    pub fn hand_offer(&mut self, process: usize, spot: Spot, facts: Facts) -> Option<Alarm> {
        match self.processes[process].hand(spot, &self.registry, Input::Assigned(Box::new(facts))) {
            Err(Stop::Alarm(alarm)) => Some(alarm),
            _ => None,
        }
    }

    /// What a quorum says.
    fn checkpoint(&mut self, spot: Spot) -> Option<Checkpoint> {
        let asked = self.random.replicas(READ_QUORUM);
        self.checkpoint_of(spot, asked)
    }

    pub fn checkpoint_of(&self, spot: Spot, asked: [bool; 3]) -> Option<Checkpoint> {
        let cells = self.store.read(&Query::one(&Checkpoint::cell_key(spot.0, spot.1)), asked);
        cells.first().map(|cell| Checkpoint::from_blob(&cell.value).unwrap())
    }

    /// Faults stop: everybody crashes and is upgraded, in-doubt pulses are sent again, and fresh owners count to the end.
    fn settle(&mut self) {
        self.clients.finish(&mut self.random, &self.registry, self.now, &mut self.history);
        for process in &mut self.processes {
            self.stray.extend(process.crash(&mut self.random));
            process.is_upgraded = true;
        }
        while !self.stray.is_empty() {
            self.stray_write();
        }
        for spot in self.spots() {
            self.count_to_the_end(spot);
        }
    }

    /// The first process, upgraded, counts a spot to its end without faults.
    pub fn count_to_the_end(&mut self, spot: Spot) {
        self.processes[0].is_upgraded = true;
        self.assign(spot, 0);
        while self.processes[0].owner(spot).unwrap().durable_offset().unwrap() < self.history.high(spot) {
            self.drain(spot);
        }
    }

    fn drain(&mut self, spot: Spot) {
        let owner = self.processes[0].owner(spot).unwrap();
        let next = owner.next_offset().unwrap();
        if owner.wants_records() {
            let records: Vec<Entry> = (next..next + 8).map_while(|at| self.record(0, spot, at)).collect();
            self.hand(0, spot, Input::Records(records));
        }
        self.hand(0, spot, Input::Tick);
        while let Some(travelling) = self.processes[0].calls.pop() {
            let answer = self.perform_well(&travelling.call);
            self.answer(0, &travelling, answer);
        }
    }

    fn perform_well(&mut self, call: &Call) -> Answer {
        match call {
            Call::Load(load) => {
                return Answer::Loaded(self.store.read(&load.query(), self.random.replicas(READ_QUORUM)));
            }
            Call::Publish(publication) => self.publish(publication),
            Call::Aggregation(cells) | Call::DeadLetters(cells) | Call::Checkpoint(cells) => {
                for cell in cells.iter() {
                    let reached = self.random.replicas(WRITE_QUORUM);
                    self.put(cell, reached);
                }
            }
        }
        Answer::Done
    }
}
