//! The pulses of rows, read from pages through the offsets that the rows drew from.

use super::GoneRange;
use super::rows::{ChargedRow, RowPlace, Rows};
use crate::ledger::Ledger;
use crate::meta::read_checkpoint;
use crate::pages::Pages;
use crate::sight::Sighted;
use domain::checkpoint::Closings;
use domain::generation::{Generation, Registry};
use domain::port::{CellStore, StoreError};
use domain::position::Position;
use proto::record::PulseView;
use rest::page::PageSize;
use rest::{Count, Problem};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ops::Range;

/// How many records are looked through at once.
const RECORDS: u64 = 64;

/// Where a page goes on: after that position in that row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    row: RowPlace,
    position: i64,
}

/// Rows, and where their records are.
pub struct Walk<'a> {
    /// Holds the pages.
    pub store: &'a dyn CellStore,
    /// The generations.
    pub registry: &'a Registry,
    /// What is walked.
    pub rows: &'a Rows,
}

/// A page of pulses.
#[derive(Debug, Default)]
pub struct Walked {
    /// Each with its row.
    pub pulses: Vec<(RowPlace, Sighted)>,
    /// Records that were looked for and are gone.
    pub gone: Vec<GoneRange>,
    /// Where the next page goes on.
    pub next: Option<Step>,
}

impl Walk<'_> {
    /// The pulses after a step, as many as fit.
    pub async fn page(&self, after: Option<Step>, size: PageSize) -> Result<Walked, Problem> {
        let mut walked = Walked::default();
        let mut ledger = Ledger::new(self.store);
        for (place, charged) in self.rows.from(after.as_ref().map(|step| &step.row)) {
            let resumed = after.as_ref().filter(|step| step.row == *place);
            let begin = resumed.map_or(Position::START, |step| Position::from_raw(step.position));
            let Some(generation) = self.registry.find(place.generation) else { continue };
            let closings = read_checkpoint(self.store, place.generation, place.partition).await?.closings;
            let mut row =
                RowWalk { store: self.store, generation, charged, closings, forgotten: BTreeSet::new() };
            for offsets in row.offsets(begin) {
                let found = row.pulses(offsets, begin, &mut ledger, &mut walked.gone).await?;
                walked.pulses.extend(found.into_iter().map(|sighted| (place.clone(), sighted)));
                if walked.pulses.len() > size.items() {
                    walked.pulses.truncate(size.items());
                    walked.next = walked.pulses.last().map(Step::after);
                    return Ok(walked);
                }
            }
        }
        Ok(walked)
    }
}

impl Step {
    fn after((row, sighted): &(RowPlace, Sighted)) -> Self {
        Self { row: row.clone(), position: sighted.position.raw() }
    }
}

/// One row's records.
struct RowWalk<'a> {
    store: &'a dyn CellStore,
    generation: &'a Generation,
    charged: &'a ChargedRow,
    /// Tell adjustments of the row's hour from the others.
    closings: Closings,
    /// Identities that the ledger forgot and that were met here: of these the first counts.
    forgotten: BTreeSet<u128>,
}

impl RowWalk<'_> {
    /// The offsets it drew from, some at a time, from the record of a position on.
    fn offsets(&self, begin: Position) -> Vec<Range<u64>> {
        let first = begin.offset();
        let parts = self.charged.row.ranges.iter().flat_map(move |(start, end)| {
            let start = if begin == Position::START { *start } else { (*start).max(first) };
            let steps = (start..*end).step_by(usize::try_from(RECORDS).unwrap_or(1));
            steps.map(|step| step..(step + RECORDS).min(*end))
        });
        parts.collect()
    }

    /// The charge's pulses after a position, and which records are gone.
    async fn pulses(
        &mut self,
        offsets: Range<u64>,
        after: Position,
        ledger: &mut Ledger<'_>,
        gone: &mut Vec<GoneRange>,
    ) -> Result<Vec<Sighted>, StoreError> {
        let (generation, partition) = (self.generation.number, self.charged.key.partition);
        let pages = Pages { store: self.store, generation, partition };
        let (mut read, mut found) = (BTreeSet::new(), Vec::new());
        let take = |entry: &domain::port::Entry| {
            read.insert(entry.offset);
            found.extend(Sighted::all_of(entry, |pulse| self.charged.holds(pulse)));
        };
        match pages.each(offsets.clone(), take).await {
            Ok(()) | Err(StoreError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
        for offset in offsets.filter(|offset| !read.contains(offset)) {
            note_gone(gone, (generation, partition), offset);
        }
        let mut counted = Vec::new();
        let fits = |one: &Sighted| one.position > after && one.fits(self.charged.key.posted, &self.closings);
        found.retain(fits);
        for sighted in found {
            if self.is_counted(&sighted, ledger).await? {
                counted.push(sighted);
            }
        }
        Ok(counted)
    }

    /// Whether it is the report of its identity that was counted.
    async fn is_counted(&mut self, sighted: &Sighted, ledger: &mut Ledger<'_>) -> Result<bool, StoreError> {
        let place = (self.generation, self.charged.key.partition);
        let first = ledger.first_sight(place, &sighted.identity()).await?;
        let hash = || sighted.identity().hash(&self.generation.hash_key);
        Ok(match first {
            Some(seen) => seen.position == sighted.position,
            None => self.forgotten.insert(hash()),
        })
    }
}

impl ChargedRow {
    /// Whether a pulse falls in the row, in a quarter that is the charge's.
    fn holds(&self, pulse: &PulseView<'_>) -> bool {
        let (key, quarter) = (&self.key, pulse.event_time.quarter());
        let names = pulse.names;
        quarter.hour() == key.hour
            && self.quarters[quarter.index()]
            && (&names.tenant, &names.sku, &names.unit, &names.group)
                == (&key.tenant, &key.sku, &key.unit, &key.group)
    }
}

fn note_gone(gone: &mut Vec<GoneRange>, (generation, partition): (u32, u32), offset: u64) {
    match gone.last_mut() {
        Some(last)
            if (last.generation, last.partition, last.end_offset.0) == (generation, partition, offset) =>
        {
            last.end_offset = Count(offset + 1);
        }
        _ => {
            let (start_offset, end_offset) = (Count(offset), Count(offset + 1));
            gone.push(GoneRange { generation, partition, start_offset, end_offset });
        }
    }
}
