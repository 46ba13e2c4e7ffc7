//! Many durations, and what is asked of them.

use std::time::Duration;

/// Durations in their order.
pub struct Percentiles(Vec<Duration>);

impl From<Vec<Duration>> for Percentiles {
    fn from(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        Self(durations)
    }
}

impl Percentiles {
    /// The least duration that so many of a hundred do not pass.
    pub fn at(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default()
    }

    /// The middle one and the one that one in a hundred passes.
    pub fn text(&self) -> String {
        format!("p50 {}, p99 {}", milliseconds(self.at(50)), milliseconds(self.at(99)))
    }
}

/// Milliseconds with one digit.
pub fn milliseconds(duration: Duration) -> String {
    let tenths = duration.as_micros() / 100;
    format!("{}.{} ms", tenths / 10, tenths % 10)
}
