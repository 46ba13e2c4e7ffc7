//! Appending to a partition.

use super::partition::{Partition, Tail};
use super::record;
use crate::embedded::writer::Job;
use domain::port::NewRecord;
use domain::time::Timestamp;
use rusqlite::{Connection, params};
use std::sync::Arc;

const INSERT: &str = "INSERT INTO record (id, timestamp, headers, value, crc) VALUES (?1, ?2, ?3, ?4, ?5)";

/// Appends records; answers the offset of each.
pub struct Append {
    /// Where.
    pub partition: Arc<Partition>,
    /// What.
    pub records: Vec<NewRecord>,
    /// The clock's time; a record's own is never below that of the record before it.
    pub now: Timestamp,
}

impl Job for Append {
    type Answer = Vec<u64>;

    fn apply(&mut self, transaction: &Connection) -> rusqlite::Result<Vec<u64>> {
        let Tail { high: first, timestamp } = self.partition.tail();
        let timestamp = timestamp.max(self.now);
        let mut insert = transaction.prepare_cached(INSERT)?;
        let mut high = first;
        for new in &self.records {
            let row = self.partition.row(high);
            let headers = record::pack_headers(&new.headers);
            let check = record::check(row, timestamp, &headers, &new.value);
            insert.execute(params![row, timestamp.nanos(), headers, &new.value[..], check])?;
            high += 1;
        }
        self.partition.set_tail(Tail { high, timestamp });
        Ok((first..high).collect())
    }

    fn committed(&mut self) {
        self.partition.commit();
    }

    fn rolled_back(&mut self) {
        self.partition.roll_back();
    }
}
