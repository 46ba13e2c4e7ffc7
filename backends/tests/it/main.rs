//! The adapters from outside: the suites of both ports, and what only files can suffer.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends by a panic")]

mod backup;
mod child;
mod conformance;
mod damage;
mod directory;
mod expiry;
mod full_disk;
mod kafka;
mod kill;
mod measured;
mod model;
mod moments;
mod races;
mod retention;
mod scan;
mod scylla;

use backends::embedded::{Embedded, OpenError, OpenOptions};
use backends::memory::ManualClock;
use domain::table::{CHARGE, CellKey, KeyValue};
use domain::time::Timestamp;
use std::path::Path;
use std::sync::Arc;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(NOW))
}

fn try_open(directory: &Path) -> Result<Embedded, OpenError> {
    Embedded::open(directory, clock(), OpenOptions::default())
}

fn open(directory: &Path) -> Embedded {
    try_open(directory).unwrap()
}

/// The key of a cell whose timestamps are no positions.
fn charge(number: u64) -> CellKey {
    CellKey::new(&CHARGE, vec![KeyValue::text("acme")], vec![KeyValue::text(&format!("{number:08}"))])
}
