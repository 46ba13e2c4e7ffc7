//! Writing cells, each where it wins, and noting how far the log is counted in the same transaction.

use super::check;
use super::sql::{self, Bound};
use crate::embedded::writer::Job;
use domain::table::{Cell, TABLES, Table};
use rusqlite::{CachedStatement, Connection};
use std::collections::HashMap;
use std::sync::LazyLock;

const SWEEP_ROWS_MAX: usize = 1_000;

/// The upserts of all tables, by name.
static UPSERTS: LazyLock<HashMap<&str, String>> =
    LazyLock::new(|| TABLES.iter().map(|table| (table.name, sql::upsert(table))).collect());

/// Writes cells.
pub struct Write {
    /// What.
    pub cells: Vec<Cell>,
    /// Now, from which rows begin to expire.
    pub now_ms: i64,
}

impl Job for Write {
    type Answer = ();

    fn apply(&mut self, transaction: &Connection) -> rusqlite::Result<()> {
        let mut highest: HashMap<(i64, i64), i64> = HashMap::new();
        for cell in &self.cells {
            let upsert = transaction.prepare_cached(&UPSERTS[cell.key.table.name])?;
            write_cell(upsert, cell, self.now_ms)?;
            if let Some(partition) = cell.key.stamped_by() {
                let position = highest.entry(partition).or_insert(cell.timestamp);
                *position = cell.timestamp.max(*position);
            }
        }
        let mut count = transaction.prepare_cached(sql::COUNT)?;
        for ((generation, partition), position) in highest {
            count.execute((generation, partition, position))?;
        }
        Ok(())
    }
}

fn write_cell(mut upsert: CachedStatement<'_>, cell: &Cell, now_ms: i64) -> rusqlite::Result<()> {
    let mut next = 1..;
    let mut index = || next.next().expect("a statement has few parameters");
    for value in cell.key.partition.iter().chain(&cell.key.clustering) {
        upsert.raw_bind_parameter(index(), Bound(value))?;
    }
    upsert.raw_bind_parameter(index(), cell.timestamp)?;
    upsert.raw_bind_parameter(index(), &cell.value[..])?;
    upsert.raw_bind_parameter(index(), check::of(&cell.key, cell.timestamp, &cell.value))?;
    if let Some(seconds) = cell.key.table.ttl_seconds {
        upsert.raw_bind_parameter(index(), now_ms.saturating_add(seconds.saturating_mul(1_000)))?;
        upsert.raw_bind_parameter(index(), now_ms)?;
    }
    upsert.raw_execute().map(drop)
}

/// Removes rows that have expired, a bounded number; answers how many.
pub struct Sweep {
    /// Now.
    pub now_ms: i64,
}

impl Job for Sweep {
    type Answer = usize;

    fn apply(&mut self, transaction: &Connection) -> rusqlite::Result<usize> {
        let expiring = TABLES.iter().filter(|table| table.ttl_seconds.is_some());
        expiring.map(|table| self.sweep(table, transaction)).sum()
    }
}

impl Sweep {
    fn sweep(&self, table: &Table, transaction: &Connection) -> rusqlite::Result<usize> {
        transaction.prepare_cached(&sql::sweep(table, SWEEP_ROWS_MAX))?.execute([self.now_ms])
    }
}
