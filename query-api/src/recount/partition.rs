//! One partition's books: what its checkpoint says, and what a recount finds.

use super::rows::{self, Counted};
use super::{Days, Tally, note_days};
use crate::meta::read_checkpoint;
use crate::pages::{Pages, each_of_log};
use domain::checkpoint::Totals;
use domain::generation::{Generation, Registry};
use domain::port::{CellStore, Log, TopicPartition, Watermarks};
use domain::position::Position;
use rest::Problem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One partition's books.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionBooks {
    /// Of which generation.
    pub generation: u32,
    /// Of which partition.
    pub partition: u32,
    /// What the checkpoint says about everything below it.
    pub totals: Totals,
    /// What the pages below the checkpoint hold.
    pub kept: Tally,
    /// What the log holds from the checkpoint on.
    pub in_flight: Tally,
    /// Records that the log lost before they were counted; where a loss was declared, every offset it passed over.
    pub lost: u64,
    /// How many pulses the rows hold.
    pub row_count: u64,
    /// How many more than the checkpoint says rows may hold, because a flush goes before its checkpoint.
    pub ahead_max: u64,
}

/// Where the books are kept.
#[derive(Clone, Copy)]
pub struct Books<'a> {
    /// Rows, pages, checkpoints.
    pub store: &'a dyn CellStore,
    /// The log of pulses.
    pub log: &'a dyn Log,
    /// The generations.
    pub registry: &'a Registry,
}

/// Counts every partition of every generation again, and adds to `counted` what was found, as [`Tally::received`] counts
/// it: tells others how far it is.
pub async fn recount(books: Books<'_>, counted: &AtomicU64) -> Result<Vec<PartitionBooks>, Problem> {
    let mut all = Vec::new();
    for (generation, partition) in books.partitions() {
        all.push(books.recount_partition(generation, partition, counted).await?);
    }
    Ok(all)
}

impl Books<'_> {
    /// How much the books say was read: about what a recount finds.
    pub async fn read(&self) -> Result<u64, Problem> {
        let mut read = 0;
        for (generation, partition) in self.partitions() {
            read += read_checkpoint(self.store, generation.number, partition).await?.totals.read;
        }
        Ok(read)
    }

    fn partitions(&self) -> impl Iterator<Item = (&Arc<Generation>, u32)> {
        let generations = self.registry.generations();
        generations
            .flat_map(|generation| (0..generation.partitions).map(move |partition| (generation, partition)))
    }

    /// The checkpoint is read first: all below it is in pages and rows by then.
    async fn recount_partition(
        &self,
        generation: &Arc<Generation>,
        partition: u32,
        counted: &AtomicU64,
    ) -> Result<PartitionBooks, Problem> {
        let place = (generation.number, partition);
        let checkpoint = read_checkpoint(self.store, place.0, place.1).await?;
        let first = self.first_offset(generation.number, partition);
        let topic = TopicPartition::new(Arc::clone(&generation.topic), partition);
        let mut days = Days::new();
        let mut kept = Tally::default();
        let pages = Pages { store: self.store, generation: place.0, partition };
        let mut records = 0;
        let mut take = |entry: &domain::port::Entry| {
            records += 1;
            let tally = Tally::of(entry, &generation.horizon);
            counted.fetch_add(tally.received(), Ordering::Relaxed);
            kept += tally;
            note_days(&mut days, entry);
        };
        pages.each(first..checkpoint.next, &mut take).await?;
        let rows = rows::count(self.store, &days, place).await?;
        let Watermarks { low, high } = self.log.watermarks(&topic).await?;
        let next = checkpoint.next.max(first);
        let mut above = Above { checkpoint: checkpoint.position(), rows, ..Above::default() };
        let take = |entry: &domain::port::Entry| above.add(entry, generation);
        each_of_log(self.log, &topic, next.max(low)..high, take).await?;
        Ok(PartitionBooks {
            generation: place.0,
            partition,
            totals: checkpoint.totals,
            kept,
            in_flight: above.tally,
            lost: low.saturating_sub(next) + self.passed_over(&topic, (next - first).saturating_sub(records)),
            row_count: rows.pulses,
            ahead_max: above.flushed_max,
        })
    }

    /// Of offsets below a checkpoint without a record, those that a declared loss passed over.
    fn passed_over(&self, of: &TopicPartition, without_record: u64) -> u64 {
        if self.registry.losses_of(&of.topic).next().is_some() { without_record } else { 0 }
    }

    fn first_offset(&self, generation: u32, partition: u32) -> u64 {
        let first = self.registry.incarnations(generation).first();
        let index = usize::try_from(partition).unwrap_or(usize::MAX);
        first.and_then(|incarnation| incarnation.first_offsets.get(index)).copied().unwrap_or(0)
    }
}

/// What lies above a checkpoint.
#[derive(Default)]
struct Above {
    checkpoint: Position,
    rows: Counted,
    tally: Tally,
    flushed_max: u64,
}

impl Above {
    fn add(&mut self, entry: &domain::port::Entry, generation: &Generation) {
        let tally = Tally::of(entry, &generation.horizon);
        if self.checkpoint < self.rows.newest && entry.offset <= self.rows.newest.offset() {
            self.flushed_max += tally.data;
        }
        self.tally += tally;
    }
}
