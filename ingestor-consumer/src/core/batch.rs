//! Rules 2 and 3: records in exact order, classified from their bytes and log-derived state alone; and what must be
//! loaded before they can be applied.

use super::state::State;
use super::{Load, Place, Stop};
use crate::alarm::Alarm;
use domain::aggregate::RowKey;
use domain::calendar::Period;
use domain::checkpoint::{Closing, Closings};
use domain::dead_letter::{DeadLetter, DeadLetterEvent, DeadLetterId};
use domain::ledger::SliceKey;
use domain::port::Entry;
use domain::position::Position;
use domain::quantity::Quantity;
use domain::time::{Quarter, Timestamp};
use foldhash::fast::RandomState;
use foldhash::{HashMap, HashMapExt};
use indexmap::{IndexMap, IndexSet};
use proto::record::{Body, Control, Envelope, PulseView, Pulses, RecordError, RowRef, Unpacked, unpack};

/// Pulses at which a batch is full: it bounds the loads under way and the dead letters that one batch can make.
const BATCH_PULSES_MAX: usize = 4_096;

/// Records that wait for their loads.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) steps: Vec<Step>,
    pub(super) rows: IndexSet<RowKey, RandomState>,
    pub(super) slices: IndexSet<SliceKey, RandomState>,
    pub(super) letters: IndexSet<DeadLetterId>,
    /// Dead letters that are purged here, as the flush under way or the store has them.
    pub(super) purged: IndexMap<DeadLetterId, Option<DeadLetter>>,
    /// The offset after its last record.
    pub(super) next: u64,
    pulses: usize,
}

impl Batch {
    fn data(&self) -> impl Iterator<Item = &Datum> {
        let sorted = self.steps.iter().flat_map(|step| match &step.kind {
            Kind::Pulses(_, sorted) => sorted.as_slice(),
            _ => &[],
        });
        sorted.filter_map(|sorted| match sorted {
            Sorted::Data(datum) => Some(datum),
            Sorted::TooLate => None,
        })
    }
}

/// One record, classified.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) entry: Entry,
    pub(super) arrival: Timestamp,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// Pulses, and for each accepted one what it will do.
    Pulses(Box<Pulses>, Vec<Sorted>),
    /// Something happened to a dead letter of this partition.
    LetterEvent(DeadLetterId, DeadLetterEvent),
    /// A control record that changes nothing more.
    Control,
    /// Bytes that are no record of ours.
    Foreign,
}

/// What an accepted pulse is, before ids are asked.
#[derive(Debug)]
pub(super) enum Sorted {
    TooLate,
    Data(Datum),
}

/// All that counting a pulse needs.
#[derive(Debug)]
pub(super) struct Datum {
    /// Index in the batch's rows.
    pub(super) row: usize,
    /// Index in the batch's slices.
    pub(super) slice: usize,
    pub(super) identity: u128,
    pub(super) content: u64,
    pub(super) quarter: Quarter,
    pub(super) quantity: Quantity,
}

impl State {
    /// Makes a batch of the next waiting records and says what must be loaded first. A record that must stop the
    /// partition does so once all before it is durable.
    pub(super) fn next_batch(&mut self, place: &Place) -> Result<Vec<Load>, Stop> {
        let mut batch = Batch { next: self.reached.next, ..Batch::default() };
        while batch.pulses < BATCH_PULSES_MAX {
            let Some(entry) = self.waiting.pop_front() else { break };
            match self.classify(place, &mut batch, entry) {
                Ok(step) => {
                    batch.next = step.entry.offset + 1;
                    batch.steps.push(step);
                }
                Err(stop @ Stop::Reassign { .. }) => return Err(stop),
                Err(stop) => {
                    self.halted = Some(stop);
                    self.flush_due = true;
                    self.waiting.clear();
                }
            }
        }
        let loads = self.missing(&batch);
        self.age += 1;
        self.batch = Some(batch);
        Ok(loads)
    }

    fn classify(&mut self, place: &Place, batch: &mut Batch, entry: Entry) -> Result<Step, Stop> {
        if entry.offset != batch.next {
            return Err(Stop::Reassign { expected: batch.next, found: entry.offset });
        }
        let (arrival, kind) = match unpack(&entry) {
            Err(error) => (entry.timestamp, unreadable(&entry, error)?),
            Ok(Unpacked { envelope, body }) => {
                self.verify_envelope(place, &entry, &envelope)?;
                let kind = match body {
                    Body::Pulses(pulses) => {
                        batch.pulses += pulses.len();
                        let sorted = sort(place, batch, &self.reached.closings, &pulses, envelope.arrival);
                        Kind::Pulses(pulses, sorted)
                    }
                    Body::Control(control) => self.control(place, batch, entry.offset, control),
                };
                (envelope.arrival, kind)
            }
        };
        self.verify_replay(&entry, arrival)?;
        Ok(Step { entry, arrival, kind })
    }

    fn verify_envelope(&self, place: &Place, entry: &Entry, envelope: &Envelope) -> Result<(), Alarm> {
        let (expected, found) =
            ((place.generation.number, self.incarnation), (envelope.generation, envelope.incarnation));
        if expected == found {
            return Ok(());
        }
        let name = |(generation, incarnation)| format!("generation {generation}, incarnation {incarnation}");
        Err(Alarm::IncarnationMismatch {
            expected: name(expected),
            found: format!("record {} of {}", entry.offset, name(found)),
        })
    }

    /// The first record after an assignment must be young enough for the ledger to know all that it may repeat.
    fn verify_replay(&mut self, entry: &Entry, arrival: Timestamp) -> Result<(), Alarm> {
        match self.replay_from.take() {
            Some(earliest) if arrival < earliest => {
                Err(Alarm::ReplayTooOld { offset: entry.offset, arrival })
            }
            _ => Ok(()),
        }
    }

    fn control(&mut self, place: &Place, batch: &mut Batch, offset: u64, control: Control) -> Kind {
        match control {
            Control::Marker { number, calendar, period, closed } => {
                self.reached.closings.0.insert((calendar, period), Closing { number, closed, offset });
                Kind::Control
            }
            Control::DeadLetter { id, event } => {
                let ours = (id.generation, id.partition) == (place.generation.number, place.partition);
                if !ours || id.position > Position::before(offset) {
                    return Kind::Control;
                }
                batch.letters.insert(id);
                if event == DeadLetterEvent::Purged {
                    let flushing = self.flush.as_ref().and_then(|flush| flush.find_letter(&id));
                    batch.purged.insert(id, flushing.cloned());
                }
                Kind::LetterEvent(id, event)
            }
        }
    }

    fn missing(&mut self, batch: &Batch) -> Vec<Load> {
        self.ask(batch);
        let rows = batch.rows.iter().filter(|key| !self.rows.contains(key)).map(|key| Load::Row(key.clone()));
        let slices =
            batch.slices.iter().filter(|key| self.ids.find(key).is_none()).map(|key| Load::Slice(*key));
        let blocks = self.ids.asked_blocks().map(|(key, number)| Load::Block(key, number));
        let letters =
            batch.letters.iter().filter(|id| !self.letters.contains(id)).map(|id| Load::LetterState(*id));
        let purged = batch.purged.iter().filter(|(_, letter)| letter.is_none());
        rows.chain(slices)
            .chain(blocks)
            .chain(letters)
            .chain(purged.map(|(id, _)| Load::Letter(*id)))
            .collect()
    }

    /// Notes what only the store knows about the identities of a batch.
    fn ask(&mut self, batch: &Batch) {
        self.ids.begin_batch();
        let handles: Vec<Option<usize>> = batch.slices.iter().map(|key| self.ids.find(key)).collect();
        for datum in batch.data() {
            self.ids.ask(handles[datum.slice], datum.identity);
        }
    }
}

/// Foreign bytes become a dead letter; what an upgrade or a restore may mend stops the partition.
fn unreadable(entry: &Entry, error: RecordError) -> Result<Kind, Alarm> {
    let offset = entry.offset;
    match error {
        RecordError::Foreign => Ok(Kind::Foreign),
        RecordError::NewerFormat(number) => {
            Err(Alarm::NewerFormat { offset, what: format!("format {number}") })
        }
        RecordError::NewerRules(number) => {
            Err(Alarm::NewerFormat { offset, what: format!("rules {number}") })
        }
        RecordError::Damaged => Err(Alarm::DamagedRecord { offset }),
    }
}

/// Which row of a record's dictionaries: looked up once a record, not once a pulse.
type LocalRow<'a> = (RowRef, i64, Period, &'a str);

fn sort(
    place: &Place,
    batch: &mut Batch,
    closings: &Closings,
    pulses: &Pulses,
    arrival: Timestamp,
) -> Vec<Sorted> {
    let mut local: HashMap<LocalRow<'_>, usize> = HashMap::new();
    let mut sorted = Vec::with_capacity(pulses.accepted_len());
    for pulse in pulses.accepted() {
        if !place.generation.horizon.holds_with_slack(pulse.event_time, arrival) {
            sorted.push(Sorted::TooLate);
            continue;
        }
        let quarter = pulse.event_time.quarter();
        let at = (pulse.row, quarter.hour(), pulse.period, &**pulse.calendar);
        let row =
            *local.entry(at).or_insert_with(|| batch.rows.insert_full(row_key(place, closings, &pulse)).0);
        let identity = pulse.identity();
        let hash = identity.hash(&place.generation.hash_key);
        let slice = SliceKey {
            generation: place.generation.number,
            partition: place.partition,
            bucket: place.generation.bucket(identity.minute),
            slice: place.generation.slice(hash),
        };
        sorted.push(Sorted::Data(Datum {
            row,
            slice: batch.slices.insert_full(slice).0,
            identity: hash,
            content: pulse.content().hash(&place.generation.hash_key),
            quarter,
            quantity: pulse.quantity,
        }));
    }
    sorted
}

/// The row a pulse is counted in: `posted` where a marker before it closed its period.
fn row_key(place: &Place, closings: &Closings, pulse: &PulseView<'_>) -> RowKey {
    let names = pulse.names;
    RowKey {
        tenant: names.tenant.clone(),
        sku: names.sku.clone(),
        unit: names.unit.clone(),
        group: names.group.clone(),
        hour: pulse.event_time.quarter().hour(),
        posted: closings.posted(pulse.calendar, pulse.period),
        generation: place.generation.number,
        partition: place.partition,
    }
}
