//! Places for clients whose answers go on: each takes memory or work for as long as it is there.

use crate::metrics;
use ::metrics::Gauge;
use domain::code::Code;
use rest::Problem;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A bounded number of places.
#[derive(Debug)]
pub struct Seats {
    kind: &'static str,
    count: usize,
    free: Arc<Semaphore>,
}

/// A place; free again when this goes.
pub struct Seat {
    taken: Gauge,
    _permit: OwnedSemaphorePermit,
}

impl Seats {
    /// So many free ones; their kind is said where none is left.
    pub fn new(count: usize, kind: &'static str) -> Self {
        Self { kind, count, free: Arc::new(Semaphore::new(count)) }
    }

    /// A place, where one is left.
    pub fn take(&self) -> Result<Seat, Problem> {
        let Self { kind, count, free } = self;
        let full = |_| Problem::new(Code::Overloaded, format!("all {count} {kind} places are taken"));
        let permit = Arc::clone(free).try_acquire_owned().map_err(full)?;
        let taken = metrics::seats_taken(kind);
        taken.increment(1);
        Ok(Seat { taken, _permit: permit })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.taken.decrement(1);
    }
}
