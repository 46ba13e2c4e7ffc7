//! Rules 4 to 6: deduplicate, choose the window, apply. Every pulse read has exactly one outcome.

use super::Place;
use super::batch::{Batch, Datum, Kind, Sorted, Step};
use super::ids::Sight;
use super::letter::{self, Origin};
use super::state::State;
use domain::checkpoint::Totals;
use domain::dead_letter::{DeadLetter, DeadLetterEvent, DeadLetterId};
use domain::ledger::Seen;
use domain::position::Position;
use domain::table::Cell;
use indexmap::IndexMap;
use proto::page;
use proto::record::Pulses;

/// Where the batch's rows and slices are held, stable while it is applied; and the dead letters that it purges.
struct Handles {
    rows: Vec<usize>,
    slices: Vec<usize>,
    purged: IndexMap<DeadLetterId, Option<DeadLetter>>,
}

impl State {
    /// Applies the waiting batch. Everything it touches is loaded.
    pub(super) fn apply(&mut self, place: &Place) {
        let Some(mut batch) = self.batch.take() else { return };
        let handles = self.handles(&mut batch);
        for step in batch.steps {
            self.apply_step(place, &handles, &step);
            self.keep_page(place, &step);
            self.reached.next = step.entry.offset + 1;
            self.reached.arrival = step.arrival;
            self.reached.incarnation = self.incarnation;
            self.last = Some(step.entry);
        }
        debug_assert!(self.reached.totals.balance(), "{:?}", self.reached.totals);
    }

    fn handles(&self, batch: &mut Batch) -> Handles {
        Handles {
            rows: batch.rows.iter().map(|key| self.rows.handle(key)).collect(),
            slices: batch.slices.iter().map(|key| self.ids.handle(key)).collect(),
            purged: std::mem::take(&mut batch.purged),
        }
    }

    fn apply_step(&mut self, place: &Place, handles: &Handles, step: &Step) {
        if self.reached.block_fill >= place.limits.block_ids {
            self.reached.block += 1;
            self.reached.block_fill = 0;
        }
        let position = Position::new(step.entry.offset, 0);
        match &step.kind {
            Kind::Pulses(pulses, sorted) => self.apply_pulses(place, handles, (step, pulses, sorted)),
            Kind::LetterEvent(id, event) => {
                let handle = self.letters.handle(id);
                self.letters.value_mut(handle, self.age).apply(position, step.arrival, event);
                if *event == DeadLetterEvent::Purged {
                    self.fresh.purge(id, handles.purged[id].as_ref(), position);
                }
                self.reached.totals += Totals { read: 1, control: 1, ..Totals::default() };
            }
            Kind::Control => self.reached.totals += Totals { read: 1, control: 1, ..Totals::default() },
            Kind::Foreign => {
                self.fresh.keep(letter::foreign(place, &step.entry));
                self.reached.totals += Totals { read: 1, foreign: 1, ..Totals::default() };
            }
        }
    }

    fn apply_pulses(
        &mut self,
        place: &Place,
        handles: &Handles,
        (step, pulses, sorted): (&Step, &Pulses, &[Sorted]),
    ) {
        let origin =
            |index| Origin { position: Position::new(step.entry.offset, index), arrival: step.arrival };
        let view =
            |index| pulses.accepted().nth(index).expect("there is one sorted pulse for each accepted one");
        let mut totals = Totals { read: pulses.len() as u64, ..Totals::default() };
        for (index, sorted) in sorted.iter().enumerate() {
            let datum = match sorted {
                Sorted::Data(datum) => datum,
                Sorted::TooLate => {
                    totals.too_late += 1;
                    self.fresh.keep(letter::too_late(place, origin(index), &view(index)));
                    continue;
                }
            };
            match self.count(handles, datum, origin(index).position) {
                Sight::First => totals.applied += 1,
                Sight::Duplicate => totals.duplicate += 1,
                Sight::Conflict => {
                    totals.conflict += 1;
                    self.fresh.keep(letter::conflict(place, origin(index), &view(index)));
                }
            }
        }
        for (after, refused) in pulses.refused().iter().enumerate() {
            totals.refused += 1;
            self.fresh.keep(letter::refused(place, origin(sorted.len() + after), refused));
        }
        self.reached.totals += totals;
    }

    /// Asks for the identity, also on a replay, and adds the pulse to its row where it was first seen here.
    fn count(&mut self, handles: &Handles, datum: &Datum, position: Position) -> Sight {
        let seen = Seen { position, identity: datum.identity, content: datum.content };
        let sight = self.ids.see(handles.slices[datum.slice], seen, self.reached.block, self.age);
        if sight == Sight::First {
            self.reached.block_fill += 1;
            let row = self.rows.value_mut(handles.rows[datum.row], self.age);
            row.apply(position, datum.quarter, datum.quantity);
        }
        sight
    }

    fn keep_page(&mut self, place: &Place, step: &Step) {
        let timestamp = Position::before(step.entry.offset + 1).raw();
        for (part, value) in (0_u32..).zip(page::split(&step.entry)) {
            let key = page::page_key(place.generation.number, place.partition, step.entry.offset, part);
            self.fresh.pages.push(Cell { key, timestamp, value });
        }
        self.fresh.bytes += step.entry.value.len();
    }
}
