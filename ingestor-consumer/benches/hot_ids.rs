//! How much memory hot ids take, how often the store is asked, and how fast the core counts:
//! `cargo bench -p ingestor-consumer --bench hot_ids [-- RATE PARTITIONS LATENESS_MINUTES MIB]`.
//!
//! One partition of a process is driven as fast as it goes, through as many minutes of log time as it takes until the
//! first buckets are cold; the process has so many of them. Lateness is spread evenly. Bytes are the allocator's.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has nothing to tell")]

use domain::calendar::Calendar;
use domain::generation::{Generation, Incarnation};
use domain::id::PulseId;
use domain::port::{Entry, Watermarks};
use domain::pulse::{RawPulse, StampedPulse, Stamps};
use domain::table::{AGGREGATE, Cell, CellKey, KeyValue, LEDGER};
use domain::time::Timestamp;
use ingestor_consumer::core::{Call, Facts, Input, Limits, Load, Output, Owner};
use proto::record::{Envelope, pack, to_log};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// 2026-03-10T08:00:00Z, when the first second arrives.
const START: Timestamp = Timestamp::from_seconds(1_773_129_600);
const RECORD_PULSES: usize = 256;
/// Records of a read.
const READ_RECORDS: usize = 16;
const MIB: usize = 1 << 20;

/// What is measured: pulses a second, partitions of the process, minutes of lateness, what ids may take together.
#[derive(Clone, Copy)]
struct Case {
    rate: usize,
    partitions: usize,
    lateness_minutes: usize,
    mib: usize,
}

const CASES: [Case; 8] = [
    Case { rate: 20_000, partitions: 4, lateness_minutes: 0, mib: 256 },
    Case { rate: 20_000, partitions: 4, lateness_minutes: 1, mib: 16 },
    Case { rate: 20_000, partitions: 4, lateness_minutes: 5, mib: 256 },
    Case { rate: 20_000, partitions: 4, lateness_minutes: 30, mib: 256 },
    Case { rate: 300_000, partitions: 16, lateness_minutes: 0, mib: 256 },
    Case { rate: 300_000, partitions: 16, lateness_minutes: 1, mib: 256 },
    Case { rate: 300_000, partitions: 16, lateness_minutes: 1, mib: 512 },
    Case { rate: 300_000, partitions: 16, lateness_minutes: 5, mib: 1_024 },
];

fn main() {
    let given: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    println!(
        "| pulses/s | partitions | lateness, min | bound, MiB | ids held | MiB | bytes an id | slice reads per 1,000 pulses | pulses/s of a core |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    match given.as_slice() {
        [rate, partitions, lateness_minutes, mib] => {
            measure(Case {
                rate: *rate,
                partitions: *partitions,
                lateness_minutes: *lateness_minutes,
                mib: *mib,
            });
        }
        _ => CASES.into_iter().for_each(measure),
    }
}

fn measure(case: Case) {
    let mut world = World::new(case);
    let second = case.rate / case.partitions;
    for at in 0..60 * (case.lateness_minutes + 2) {
        world.count_second(i64::try_from(at).unwrap(), second);
    }
    let pulses = world.made;
    let ids = world.owner.memory().ids;
    let region = Region::new(ALLOCATOR);
    drop(world.owner);
    let freed = region.change();
    let bytes = freed.bytes_deallocated - freed.bytes_allocated;
    println!(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        case.rate,
        case.partitions,
        case.lateness_minutes,
        case.mib,
        ids * case.partitions,
        bytes * case.partitions / MIB,
        with_two_places(bytes * 100 / ids),
        with_two_places(world.slice_reads * 100_000 / pulses),
        pulses * 1_000 / usize::try_from(world.busy.as_millis()).unwrap(),
    );
}

fn with_two_places(hundredths: usize) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// One partition, a store that forgets what is never read again, and time that stands still except for its owner.
struct World {
    owner: Owner,
    calls: VecDeque<Output>,
    cells: BTreeMap<(Vec<KeyValue>, Vec<KeyValue>), Cell>,
    template: StampedPulse,
    random: u64,
    lateness_seconds: u64,
    next_offset: u64,
    made: usize,
    slice_reads: usize,
    busy: Duration,
}

impl World {
    fn new(case: Case) -> Self {
        let limits = Limits { id_bytes_max: case.mib * MIB / case.partitions, ..Limits::default() };
        let incarnation = Incarnation { number: 1, log_id: "log".into(), first_offsets: vec![0] };
        let mut world = Self {
            owner: Owner::new(Arc::new(Generation::first([7; 16], 1)), 0, limits),
            calls: VecDeque::new(),
            cells: BTreeMap::new(),
            template: template(),
            random: 1,
            lateness_seconds: 60 * case.lateness_minutes as u64,
            next_offset: 0,
            made: 0,
            slice_reads: 0,
            busy: Duration::ZERO,
        };
        world.hand(Input::Assigned(Box::new(Facts {
            now: START,
            checkpoint: None,
            watermarks: Watermarks { low: 0, high: 0 },
            incarnation: incarnation.clone(),
            known: vec![incarnation],
            losses: Vec::new(),
            previous: None,
        })));
        world
    }

    /// The pulses of one second, and a flush.
    fn count_second(&mut self, second: i64, pulses: usize) {
        let mut left = pulses;
        while left > 0 {
            let mut records = Vec::new();
            while left > 0 && records.len() < READ_RECORDS {
                let count = left.min(RECORD_PULSES);
                left -= count;
                records.push(self.record(START.plus_seconds(second), count));
            }
            while !self.owner.wants_records() {
                self.answer();
            }
            self.hand(Input::Records(records));
        }
        self.hand(Input::Tick);
        while !self.calls.is_empty() {
            self.answer();
        }
    }

    fn record(&mut self, arrival: Timestamp, pulses: usize) -> Entry {
        let pulses: Vec<StampedPulse> = (0..pulses).map(|_| self.pulse(arrival)).collect();
        let record = to_log(pack(&Envelope { generation: 1, incarnation: 1, arrival }, &pulses, &[]));
        self.next_offset += 1;
        Entry {
            offset: self.next_offset - 1,
            timestamp: arrival,
            headers: record.headers,
            value: record.value,
        }
    }

    fn pulse(&mut self, arrival: Timestamp) -> StampedPulse {
        self.made += 1;
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let late = i64::try_from((self.random >> 33) % (self.lateness_seconds + 1)).unwrap();
        let mut made = self.template.clone();
        made.pulse.id = PulseId::parse(&format!("00000000-0000-4000-8000-{:012x}", self.made), "id").unwrap();
        made.pulse.event_time = arrival.plus_seconds(-late);
        made
    }

    fn hand(&mut self, input: Input) {
        let since = Instant::now();
        let outputs = self.owner.handle(input).unwrap();
        self.busy += since.elapsed();
        self.calls.extend(outputs);
    }

    fn answer(&mut self) {
        let Some(Output::Call(id, call)) = self.calls.pop_front() else { return };
        if let Call::Load(load) = &call {
            self.slice_reads += usize::from(matches!(load, Load::Slice(_)));
            let found = self.read(load);
            return self.hand(Input::Loaded(id, found));
        }
        if let Call::Aggregation(cells) = &call {
            let read_again = |cell: &&Cell| [LEDGER.name, AGGREGATE.name].contains(&cell.key.table.name);
            for cell in cells.iter().filter(read_again) {
                self.cells.insert((cell.key.partition.to_vec(), cell.key.clustering.clone()), cell.clone());
            }
        }
        self.hand(Input::Done(id));
    }

    fn read(&self, load: &Load) -> Vec<Cell> {
        let of = |key: CellKey| {
            self.cells.get(&(key.partition.to_vec(), key.clustering)).cloned().into_iter().collect()
        };
        match load {
            Load::Slice(key) => {
                let partition = key.partition_key();
                let from = (partition.clone(), Vec::new());
                let cells = self.cells.range(from..).take_while(|((of, _), _)| *of == partition);
                cells.map(|(_, cell)| cell.clone()).collect()
            }
            Load::Row(key) => of(key.cell_key()),
            Load::Block(key, number) => of(key.cell_key(*number)),
            Load::LetterState(_) | Load::Letter(_) => Vec::new(),
        }
    }
}

fn template() -> StampedPulse {
    let raw = RawPulse {
        id: "a".to_owned(),
        tenant: "acme".to_owned(),
        sku: "vm".to_owned(),
        quantity: "1.5".to_owned(),
        unit: "h".to_owned(),
        event_time: Some(START.into()),
        ..RawPulse::default()
    };
    let pulse = raw.parse().unwrap();
    let calendar = Calendar::utc();
    let stamps = Stamps {
        group: pulse.dimensions.group([]),
        period: calendar.period_of(START),
        calendar: calendar.name().into(),
        catalog_offset: 0,
    };
    StampedPulse { pulse, stamps }
}
