//! What the catalogue tells about itself. Each metric says how to read it; tenants and SKUs are never labels.

use crate::catalog::CatalogError;
use crate::fold::{Effect, Outcome};
use domain::time::Timestamp;
use metrics::{Gauge, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// Commands by kind and outcome: refused ones are a client's to mend, failed ones ours.
const COMMANDS: &str = "pulse_catalog_commands_total";
/// Everything below this catalogue offset is folded here: the same on all processes, but for a moment.
const OFFSET: &str = "pulse_catalog_fold_offset";
/// Commands in the log that were not folded when it was last looked at: rising means that the view stands still.
const LAG: &str = "pulse_catalog_fold_lag_records";
/// Runs of the pricing worker by outcome: failed ones are made again, many of them tell that a port is ill.
const RUNS: &str = "pulse_catalog_pricing_runs_total";
/// How long a run took from its triggers to its checkpoint: it bounds how old charges are.
const RUN_SECONDS: &str = "pulse_catalog_pricing_seconds";
/// Triggers taken whose months are not rated yet.
const PENDING: &str = "pulse_catalog_pricing_pending_triggers";
/// Charges written, those that were written before counted again.
const CHARGES: &str = "pulse_catalog_charges_total";

/// Describes them all to the recorder.
pub(crate) fn describe() {
    describe_counter!(COMMANDS, "commands by kind and outcome");
    describe_gauge!(OFFSET, "everything below this catalogue offset is folded here");
    describe_gauge!(LAG, "commands in the log that were not folded when it was last looked at");
    describe_counter!(RUNS, "runs of the pricing worker by outcome");
    describe_histogram!(RUN_SECONDS, Unit::Seconds, "time from a run's triggers to its checkpoint");
    describe_gauge!(PENDING, "triggers taken whose months are not rated yet");
    describe_counter!(CHARGES, "charges written");
}

/// A command has an outcome, or none that is known.
pub(crate) fn settled(kind: &'static str, outcome: &Result<Outcome, CatalogError>) {
    let outcome = match outcome {
        Ok(Ok(settled)) if settled.replayed => "replayed".to_owned(),
        Ok(Ok(settled)) if settled.effect == Effect::Applied => "applied".to_owned(),
        Ok(Ok(_)) => "unchanged".to_owned(),
        Ok(Err(refusal)) => refusal.code().name().to_lowercase(),
        Err(_) => "failed".to_owned(),
    };
    counter!(COMMANDS, "kind" => kind, "outcome" => outcome).increment(1);
}

/// The log is folded up to there.
pub(crate) fn folded(offset: u64) {
    gauge!(OFFSET).set(number(offset));
}

/// The log's end was looked at.
pub(crate) fn looked(end: u64, offset: u64) {
    gauge!(LAG).set(number(end.saturating_sub(offset)));
}

/// A run of the pricing worker, from its triggers on; dropped before it ends, it failed.
pub(crate) struct Run {
    pending: Gauge,
    outcome: &'static str,
}

impl Run {
    /// Begins with that many triggers of a partition.
    pub(crate) fn begin(partition: u32, triggers: u64) -> Self {
        let pending = gauge!(PENDING, "partition" => partition.to_string());
        pending.set(number(triggers));
        Self { pending, outcome: "failed" }
    }

    /// All of it is done.
    pub(crate) fn end(mut self, start: Timestamp, now: Timestamp) {
        histogram!(RUN_SECONDS).record(now.since(start));
        self.pending.set(0);
        self.outcome = "done";
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        counter!(RUNS, "outcome" => self.outcome).increment(1);
    }
}

/// Charges of a month were written.
pub(crate) fn charged(charges: usize) {
    counter!(CHARGES).increment(u64::try_from(charges).unwrap_or(u64::MAX));
}

fn number(value: u64) -> f64 {
    f64::from(u32::try_from(value).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
