//! Retention: records that are consumed and old go, in bounded steps.

use super::partition::Partition;
use crate::embedded::writer::Job;
use domain::port::Watermarks;
use domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use std::sync::Arc;

const STEP_RECORDS_MAX: u64 = 1_000;
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
    /// The step's own result, for readers once it is durable.
    pub low: Option<u64>,
}

impl Job for Trim {
    type Answer = u64;

    fn apply(&mut self, transaction: &Connection) -> rusqlite::Result<u64> {
        let Watermarks { low, high } = self.partition.marks();
        let end = self.below.min(high).min(low + STEP_RECORDS_MAX).max(low);
        let rows = (self.partition.row(low), self.partition.row(end));
        let young: Option<i64> = transaction
            .prepare_cached(FIRST_YOUNG)?
            .query_row((rows.0, rows.1, self.older_than.nanos()), |row| row.get(0))
            .optional()?;
        let new_low = young.map_or(end, |row| self.partition.offset(row));
        if new_low > low {
            let gone = (rows.0, self.partition.row(new_low));
            transaction.prepare_cached("DELETE FROM record WHERE id >= ?1 AND id < ?2")?.execute(gone)?;
            let own_low = new_low - self.partition.first();
            super::topic::set_low(transaction, self.partition.id(), own_low)?;
        }
        self.low = Some(new_low);
        Ok(new_low)
    }

    fn committed(&mut self) {
        if let Some(low) = self.low {
            self.partition.set_low(low);
        }
    }
}
