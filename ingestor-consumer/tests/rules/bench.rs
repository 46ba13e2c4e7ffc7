//! One owner on a bench: a log and a store that do as told, and nothing random.

use backends::memory::Replicas;
use bytes::Bytes;
use domain::aggregate::Row;
use domain::calendar::Calendar;
use domain::checkpoint::Checkpoint;
use domain::dead_letter::DeadLetter;
use domain::generation::{Generation, Incarnation};
use domain::port::{Entry, Header, Query, Watermarks};
use domain::pulse::{RawPulse, StampedPulse, Stamps};
use domain::table::{AGGREGATE, Cell, DEAD_LETTER, Table};
use domain::time::Timestamp;
use ingestor_consumer::core::{Call, CallId, Facts, Flushed, Input, Limits, Output, Owner, Stop};
use proto::blob::Blob;
use proto::record::{Control, Envelope, FORMAT_HEADER, RefusedPulse, pack, pack_control, to_log};
use std::collections::VecDeque;
use std::sync::Arc;

/// 2026-03-10T08:00:00Z, when everything arrives.
pub const NOW: Timestamp = Timestamp::from_seconds(1_773_129_600);

const EVERYWHERE: [bool; 3] = [true; 3];

/// Partition 0 of generation 1.
pub struct Bench {
    pub owner: Owner,
    pub log: Vec<Entry>,
    pub store: Replicas,
    /// Calls that wait for their answer, oldest first.
    pub calls: VecDeque<(CallId, Call)>,
    pub watermark: Option<Timestamp>,
    pub flushed: Vec<Flushed>,
}

impl Bench {
    /// Assigned, with nothing in the log and nothing in the store.
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    pub fn with_limits(limits: Limits) -> Self {
        let generation = Arc::new(Generation::first([7; 16], 1));
        let mut bench = Self {
            owner: Owner::new(generation, 0, limits),
            log: Vec::new(),
            store: Replicas::new(),
            calls: VecDeque::new(),
            watermark: None,
            flushed: Vec::new(),
        };
        bench.assign(bench.facts()).unwrap();
        bench
    }

    /// The log's first incarnation.
    pub fn incarnation() -> Incarnation {
        Incarnation { number: 1, log_id: "log".into(), first_offsets: vec![0] }
    }

    /// What an honest world would say at an assignment.
    pub fn facts(&self) -> Facts {
        let checkpoint = self.checkpoint();
        let before = checkpoint.as_ref().and_then(|checkpoint| checkpoint.next.checked_sub(1));
        Facts {
            now: NOW,
            checkpoint,
            watermarks: Watermarks { low: 0, high: self.log.len() as u64 },
            incarnation: Self::incarnation(),
            known: vec![Self::incarnation()],
            losses: Vec::new(),
            previous: before.and_then(|offset| self.log.iter().find(|entry| entry.offset == offset).cloned()),
        }
    }

    pub fn assign(&mut self, facts: Facts) -> Result<(), Stop> {
        self.hand(Input::Assigned(Box::new(facts)))
    }

    pub fn append(&mut self, pulses: &[StampedPulse]) {
        self.append_arrived(NOW, pulses);
    }

    pub fn append_arrived(&mut self, arrival: Timestamp, pulses: &[StampedPulse]) {
        self.append_ours(pack(&Envelope { arrival, ..envelope() }, pulses, &[]));
    }

    pub fn append_refused(&mut self, refused: RefusedPulse) {
        self.append_ours(pack(&envelope(), &[], &[refused]));
    }

    pub fn append_control(&mut self, control: &Control) {
        self.append_ours(pack_control(&envelope(), control));
    }

    pub fn append_ours(&mut self, value: Bytes) {
        let headers = to_log(value.clone()).headers;
        self.append_raw(headers, value);
    }

    /// A record that only says that it is ours, of that format.
    pub fn append_format(&mut self, format: &'static str) {
        let header = Header { name: FORMAT_HEADER.to_owned(), value: Bytes::from_static(format.as_bytes()) };
        self.append_raw(vec![header], Bytes::from_static(b"columns of tomorrow"));
    }

    pub fn append_foreign(&mut self, value: &'static [u8]) {
        self.append_raw(Vec::new(), Bytes::from_static(value));
    }

    fn append_raw(&mut self, headers: Vec<Header>, value: Bytes) {
        let offset = self.log.last().map_or(0, |last| last.offset + 1);
        self.append_at(offset, headers, value);
    }

    /// A record of ours where an incarnation begins.
    pub fn append_first(&mut self, offset: u64, value: Bytes) {
        let headers = to_log(value.clone()).headers;
        self.append_at(offset, headers, value);
    }

    fn append_at(&mut self, offset: u64, headers: Vec<Header>, value: Bytes) {
        self.log.push(Entry { offset, timestamp: NOW, headers, value });
    }

    pub fn hand(&mut self, input: Input) -> Result<(), Stop> {
        for output in self.owner.handle(input)? {
            match output {
                Output::Call(id, call) => self.calls.push_back((id, call)),
                Output::Watermark(time) => self.watermark = Some(time),
                Output::Flushed(flushed) => self.flushed.push(flushed),
            }
        }
        Ok(())
    }

    /// All records the owner has not taken yet, at once.
    pub fn feed(&mut self) -> Result<(), Stop> {
        assert!(self.owner.wants_records());
        let from = self.owner.next_offset().unwrap();
        let records = self.log.iter().filter(|entry| entry.offset >= from).cloned().collect();
        self.hand(Input::Records(records))
    }

    /// The next call.
    pub fn take_call(&mut self) -> (CallId, Call) {
        self.calls.pop_front().expect("the owner asks for something")
    }

    /// Makes calls and answers them until none is left.
    pub fn answer_all(&mut self) -> Result<(), Stop> {
        while let Some((id, call)) = self.calls.pop_front() {
            let input = self.perform(id, &call);
            self.hand(input)?;
        }
        Ok(())
    }

    /// Makes a call as a store without faults does.
    pub fn perform(&mut self, id: CallId, call: &Call) -> Input {
        match call {
            Call::Load(load) => return Input::Loaded(id, self.store.read(&load.query(), EVERYWHERE)),
            Call::Publish(_) => {}
            Call::Aggregation(cells) | Call::DeadLetters(cells) | Call::Checkpoint(cells) => {
                cells.iter().for_each(|cell| self.store.write(cell, EVERYWHERE));
            }
        }
        Input::Done(id)
    }

    /// Reads to the log's end, flushes, and has everything answered.
    pub fn count(&mut self) -> Result<(), Stop> {
        self.feed()?;
        self.answer_all()?;
        self.hand(Input::Tick)?;
        self.answer_all()
    }

    pub fn checkpoint(&self) -> Option<Checkpoint> {
        let cells = self.store.read(&Query::one(&Checkpoint::cell_key(1, 0)), EVERYWHERE);
        cells.first().map(|cell| Checkpoint::from_blob(&cell.value).unwrap())
    }

    pub fn cells(&self, table: &Table) -> Vec<Cell> {
        self.store.all().into_iter().filter(|cell| cell.key.table.name == table.name).collect()
    }

    /// How many pulses the rows hold.
    pub fn counted(&self) -> u64 {
        self.cells(&AGGREGATE).iter().map(|cell| Row::from_blob(&cell.value).unwrap().count()).sum()
    }

    pub fn letters(&self) -> Vec<DeadLetter> {
        self.cells(&DEAD_LETTER).iter().map(|cell| DeadLetter::from_blob(&cell.value).unwrap()).collect()
    }
}

pub fn envelope() -> Envelope {
    Envelope { generation: 1, incarnation: 1, arrival: NOW }
}

/// A pulse of that id, an hour old.
pub fn pulse(id: &str) -> StampedPulse {
    pulse_at(id, NOW.plus_seconds(-3_600))
}

pub fn pulse_at(id: &str, event_time: Timestamp) -> StampedPulse {
    let raw = RawPulse {
        id: id.to_owned(),
        tenant: "acme".to_owned(),
        sku: "vm".to_owned(),
        quantity: "1.5".to_owned(),
        unit: "h".to_owned(),
        event_time: Some(event_time.into()),
        ..RawPulse::default()
    };
    let pulse = raw.parse().unwrap();
    let calendar = Calendar::utc();
    let stamps = Stamps {
        group: pulse.dimensions.group([]),
        period: calendar.period_of(event_time),
        calendar: calendar.name().into(),
        catalog_offset: 0,
    };
    StampedPulse { pulse, stamps }
}
