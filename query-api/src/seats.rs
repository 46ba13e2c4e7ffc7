//! Places for clients whose answers go on: each takes memory or work for as long as it is there.

use domain::code::Code;
use rest::Problem;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A bounded number of places.
#[derive(Clone, Debug)]
pub struct Seats {
    what: &'static str,
    count: usize,
    free: Arc<Semaphore>,
}

impl Seats {
    /// So many free ones; `what` they are for is said where none is left.
    pub fn new(count: usize, what: &'static str) -> Self {
        Self { what, count, free: Arc::new(Semaphore::new(count)) }
    }

    /// A place, free again when the permit goes.
    pub fn take(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let Self { what, count, free } = self;
        let full = |_| Problem::new(Code::Overloaded, format!("all {count} {what} places are taken"));
        Arc::clone(free).try_acquire_owned().map_err(full)
    }
}
