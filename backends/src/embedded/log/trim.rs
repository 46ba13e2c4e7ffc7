//! Retention: records that are consumed and old go, in bounded steps.

use super::partition::Partition;
use super::topic;
use crate::embedded::writer::Job;
use domain::port::Watermarks;
use domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use std::sync::Arc;

const STEP_RECORDS_MAX: u64 = 1_000;
const DELETE: &str = "DELETE FROM record WHERE id >= ?1 AND id < ?2";
const FIRST_YOUNG: &str =
    "SELECT id FROM record WHERE id >= ?1 AND id < ?2 AND timestamp >= ?3 ORDER BY id LIMIT 1";

/// One step; answers the first offset that is left. A step that removes nothing is the last.
pub struct Trim {
    /// Where.
    pub partition: Arc<Partition>,
    /// Only records below this offset,
    pub below: u64,
    /// and only records older than this.
    pub older_than: Timestamp,
}

impl Job for Trim {
    type Answer = u64;

    fn apply(&mut self, transaction: &Connection) -> rusqlite::Result<u64> {
        let partition = &self.partition;
        let Watermarks { low, high } = partition.marks();
        let end = self.below.min(high).min(low + STEP_RECORDS_MAX).max(low);
        let young: Option<i64> = transaction
            .prepare_cached(FIRST_YOUNG)?
            .query_row((partition.row(low), partition.row(end), self.older_than.nanos()), |row| row.get(0))
            .optional()?;
        let new_low = young.map_or(end, |row| partition.offset(row));
        if new_low > low {
            // Readers are told first, so that nobody takes a record that goes for one that was lost.
            partition.set_low(new_low);
            let gone = (partition.row(partition.first()), partition.row(new_low));
            transaction.prepare_cached(DELETE)?.execute(gone)?;
            topic::set_low(transaction, partition.id(), new_low - partition.first())?;
        }
        Ok(new_low)
    }
}
