//! A partition in memory: where its rows lie and where it ends.

use domain::port::Watermarks;
use domain::time::Timestamp;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Rows of a partition are numbered `id << 40 | its own offset`, so that a range of offsets is a range of rows.
const OFFSET_BITS: u32 = 40;

/// Where the next record goes, also before it is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// Its offset.
    pub high: u64,
    /// The time of the record before it: times never decrease.
    pub timestamp: Timestamp,
}

/// A partition of a topic.
#[derive(Debug)]
pub struct Partition {
    id: i64,
    first: u64,
    /// What readers see: only what is durable.
    marks: watch::Sender<Watermarks>,
    durable: Mutex<Tail>,
    tail: Mutex<Tail>,
}

impl Partition {
    /// A partition with what the file says of it.
    pub fn new(id: i64, first: u64, low: u64, tail: Tail) -> Self {
        let marks = watch::Sender::new(Watermarks { low, high: tail.high });
        Self { id, first, marks, durable: Mutex::new(tail), tail: Mutex::new(tail) }
    }

    /// Its number in the file.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// The first logical offset of this incarnation.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The bounds of what is durable.
    pub fn marks(&self) -> Watermarks {
        *self.marks.borrow()
    }

    /// The same, to wait for changes.
    pub fn watch(&self) -> watch::Receiver<Watermarks> {
        self.marks.subscribe()
    }

    /// The row of an offset.
    pub fn row(&self, offset: u64) -> i64 {
        row(self.id, offset - self.first)
    }

    /// The offset of a row.
    pub fn offset(&self, row: i64) -> u64 {
        own_offset(row) + self.first
    }

    /// Where the transaction that is open goes on.
    pub fn tail(&self) -> Tail {
        *lock(&self.tail)
    }

    /// The transaction that is open has come this far.
    pub fn set_tail(&self, tail: Tail) {
        *lock(&self.tail) = tail;
    }

    /// All that was appended is durable.
    pub fn commit(&self) {
        let tail = self.tail();
        *lock(&self.durable) = tail;
        self.marks.send_modify(|marks| marks.high = tail.high);
    }

    /// What is not durable never was.
    pub fn roll_back(&self) {
        let durable = *lock(&self.durable);
        self.set_tail(durable);
    }

    /// What lies below is gone.
    pub fn set_low(&self, low: u64) {
        self.marks.send_modify(|marks| marks.low = marks.low.max(low));
    }
}

/// The row of a partition's own offset.
pub fn row(id: i64, own_offset: u64) -> i64 {
    let own = i64::try_from(own_offset).expect("a partition holds far fewer than 2^40 records");
    debug_assert!(own < 1 << OFFSET_BITS);
    id << OFFSET_BITS | own
}

/// A partition's own offset of a row.
pub fn own_offset(row: i64) -> u64 {
    u64::try_from(row & ((1 << OFFSET_BITS) - 1)).expect("the sign is masked away")
}

fn lock(tail: &Mutex<Tail>) -> MutexGuard<'_, Tail> {
    tail.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(high: u64) -> Tail {
        Tail { high, timestamp: Timestamp::EPOCH }
    }

    #[test]
    fn rows_of_partitions_do_not_meet_and_give_their_offset_back() {
        let partition = Partition::new(3, 1_000, 1_000, at(1_000));
        assert_eq!(partition.row(1_000), 3 << 40);
        assert_eq!(partition.row(1_007), (3 << 40) + 7);
        assert_eq!(partition.offset((3 << 40) + 7), 1_007);
    }

    #[test]
    fn readers_see_the_end_only_once_it_is_durable() {
        let partition = Partition::new(1, 0, 0, at(5));
        partition.set_tail(at(9));
        assert_eq!(partition.marks().high, 5);
        partition.roll_back();
        assert_eq!(partition.tail(), at(5));
        partition.set_tail(at(7));
        partition.commit();
        assert_eq!((partition.marks().high, partition.tail()), (7, at(7)));
    }
}
