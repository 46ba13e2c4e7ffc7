//! Checkpoints: how far a partition is durably counted, and the books up to there.

use crate::calendar::Period;
use crate::position::Position;
use crate::table::{CHECKPOINT, CHECKPOINT_HISTORY, CellKey, KeyValue, WATERMARK, WORKER_CHECKPOINT};
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::ops::{AddAssign, Sub};
use std::sync::Arc;

/// The books of a partition: everything read is exactly one of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Pulses read; a control or foreign record counts as one.
    pub read: u64,
    /// Counted.
    pub applied: u64,
    /// The same identity and content again.
    pub duplicate: u64,
    /// The same identity with other content.
    pub conflict: u64,
    /// Stamped refused by the edge.
    pub refused: u64,
    /// Bytes that are no record of ours.
    pub foreign: u64,
    /// Outside the horizon.
    pub too_late: u64,
    /// Control records.
    pub control: u64,
}

impl Totals {
    /// Whether the books close.
    pub fn balance(&self) -> bool {
        self.difference() == 0
    }

    /// What was read and has no outcome; below zero: what has more than one.
    pub fn difference(&self) -> i128 {
        i128::from(self.read) - self.outcomes().iter().map(|(_, count)| i128::from(*count)).sum::<i128>()
    }

    /// How many had each outcome.
    pub fn outcomes(&self) -> [(&'static str, u64); 7] {
        [
            ("applied", self.applied),
            ("duplicate", self.duplicate),
            ("conflict", self.conflict),
            ("refused", self.refused),
            ("foreign", self.foreign),
            ("too_late", self.too_late),
            ("control", self.control),
        ]
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.applied += other.applied;
        self.duplicate += other.duplicate;
        self.conflict += other.conflict;
        self.refused += other.refused;
        self.foreign += other.foreign;
        self.too_late += other.too_late;
        self.control += other.control;
    }
}

/// What was added since an earlier state of the same books.
impl Sub for Totals {
    type Output = Self;
    fn sub(self, earlier: Self) -> Self {
        Self {
            read: self.read - earlier.read,
            applied: self.applied - earlier.applied,
            duplicate: self.duplicate - earlier.duplicate,
            conflict: self.conflict - earlier.conflict,
            refused: self.refused - earlier.refused,
            foreign: self.foreign - earlier.foreign,
            too_late: self.too_late - earlier.too_late,
            control: self.control - earlier.control,
        }
    }
}

/// The markers in force: for each (calendar, period) ever closed, the last marker's word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Closings(pub BTreeMap<(Arc<str>, Period), Closing>);

/// The last marker of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The catalogue offset of the command: the close number.
    pub number: u64,
    /// `false` after a re-open.
    pub closed: bool,
    /// The offset of the marker's record in this partition.
    pub offset: u64,
}

impl Closings {
    /// Whether a pulse of that period is an adjustment now.
    pub fn is_closed(&self, calendar: &Arc<str>, period: Period) -> bool {
        self.0.get(&(Arc::clone(calendar), period)).is_some_and(|closing| closing.closed)
    }

    /// The period a pulse of a closed period is billed in: the first open one after it. `None`: its own is open.
    pub fn posted(&self, calendar: &Arc<str>, period: Period) -> Option<Period> {
        if self.0.is_empty() || !self.is_closed(calendar, period) {
            return None;
        }
        let mut open = period.next();
        while self.is_closed(calendar, open) {
            open = open.next();
        }
        Some(open)
    }
}

/// How far a partition is durably counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The first offset not counted.
    pub next: u64,
    /// The incarnation that record `next − 1` came from.
    pub incarnation: u32,
    /// The fingerprint of that record's value.
    pub fingerprint: u128,
    /// The arrival time of that record: how old a replay is.
    pub arrival: Timestamp,
    /// The ledger's running block number.
    pub block: i64,
    /// Ids in that block.
    pub block_fill: u32,
    /// Which periods are closed here.
    pub closings: Closings,
    /// The books.
    pub totals: Totals,
}

impl Checkpoint {
    /// Its write timestamp.
    pub fn position(&self) -> Position {
        Position::before(self.next)
    }

    /// The cell of a partition's checkpoint.
    pub fn cell_key(generation: u32, partition: u32) -> CellKey {
        CellKey::new(&CHECKPOINT, vec![generation.into(), partition.into()], Vec::new())
    }

    /// The cell of a checkpoint of the past.
    pub fn history_key(generation: u32, partition: u32, time: Timestamp) -> CellKey {
        CellKey::new(
            &CHECKPOINT_HISTORY,
            vec![generation.into(), partition.into()],
            vec![KeyValue::time(time)],
        )
    }
}

/// The cell of a partition's watermark; its value is the instant, its timestamp the instant's microseconds.
pub fn watermark_key(generation: u32, partition: u32) -> CellKey {
    CellKey::new(&WATERMARK, vec![generation.into()], vec![partition.into()])
}

/// The cell of a worker's progress in a topic; its value and its timestamp are the next offset.
pub fn worker_key(worker: &str, topic: &str, partition: u32) -> CellKey {
    let key = vec![KeyValue::text(worker), KeyValue::text(topic)];
    CellKey::new(&WORKER_CHECKPOINT, key, vec![partition.into()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adjustment_is_billed_in_the_first_open_period() {
        let utc: Arc<str> = "UTC".into();
        let period = |text: &str| Period::parse(text).unwrap();
        let mut closings = Closings::default();
        let mut mark = |text: &str, closed| {
            closings.0.insert((Arc::clone(&utc), period(text)), Closing { number: 1, closed, offset: 0 });
        };
        mark("2026-01", true);
        mark("2026-02", true);
        mark("2025-12", false);
        assert_eq!(closings.posted(&utc, period("2026-01")), Some(period("2026-03")));
        assert_eq!(closings.posted(&utc, period("2025-12")), None);
        assert_eq!(closings.posted(&utc, period("2026-03")), None);
        assert_eq!(closings.posted(&"Europe/Berlin".into(), period("2026-01")), None);
    }

    #[test]
    fn books_balance_only_when_every_pulse_has_an_outcome() {
        let mut totals = Totals { read: 3, applied: 1, duplicate: 1, ..Totals::default() };
        assert!(!totals.balance());
        totals += Totals { refused: 1, ..Totals::default() };
        assert!(totals.balance());
    }
}
