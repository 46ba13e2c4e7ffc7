//! What the tests of this crate share.

use domain::port::Clock;
use domain::time::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};

/// Shows the second it was set to.
#[derive(Default)]
pub struct Stopwatch(AtomicI64);

impl Stopwatch {
    /// Lets seconds go by.
    pub fn go_on(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for Stopwatch {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.load(Ordering::Relaxed))
    }
}
