//! Callers on connections of their own, each calling again as soon as it is answered.

use crate::percentile::Percentiles;
use crate::pulses::{Pulses, TENANTS};
use crate::streams::rate;
use crate::table::{Row, grouped, ratio};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// What came of it.
pub struct Run {
    /// How many calls.
    pub calls: u64,
    /// Calls in a second.
    pub rate: u64,
    /// How long each took.
    pub latencies: Percentiles,
}

impl Run {
    /// The row of this run beside that of a server that only answers.
    pub fn row(&self, what: &str, (echo, echoed): (&str, &Self)) -> Row {
        let beside = format!(
            "{echo} {}, {}: {} of it",
            grouped(echoed.rate),
            echoed.latencies.text(),
            ratio(self.rate, echoed.rate)
        );
        Row::stated(what, format!("{}, {}", grouped(self.rate), self.latencies.text()), beside)
    }
}

/// Lets so many callers call until the end; `call` makes one of them, which tells how long each of its calls took.
pub fn drive<C>(callers: u16, duration: Duration, call: impl Fn(Pulses, Instant) -> C) -> anyhow::Result<Run>
where
    C: Future<Output = anyhow::Result<Vec<Duration>>> + Send + 'static,
{
    tokio::runtime::Runtime::new()?.block_on(async {
        let started = Instant::now();
        let mut calling = JoinSet::new();
        for maker in 0..callers {
            calling.spawn(call(Pulses::new(maker, TENANTS), started + duration));
        }
        let mut latencies = Vec::new();
        while let Some(took) = calling.join_next().await {
            latencies.extend(took??);
        }
        let calls = latencies.len() as u64;
        Ok(Run { calls, rate: rate(calls, started.elapsed()), latencies: latencies.into() })
    })
}
