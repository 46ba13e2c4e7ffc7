//! What the adapters tell about themselves, each metric by its name. Each metric says how to read it.
//!
//! There is no count of retries: nothing here tries again, that is for the callers, who know what may be repeated.

use domain::port::{Clock, StoreError};
use domain::time::Timestamp;
use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};
use std::sync::Arc;

/// Time from the request to write until it is durable: what an acknowledgement waits for.
const WRITE_SECONDS: &str = "pulse_backends_write_seconds";
/// Time of a transaction, its sync included. What [`WRITE_SECONDS`] is longer was spent in the queue.
const COMMIT_SECONDS: &str = "pulse_backends_commit_seconds";
/// Requests that one sync made durable: more where more wait.
const COMMIT_JOBS: &str = "pulse_backends_commit_jobs";
/// Transactions by outcome: `synced`, `refused` (undone, mostly for want of room), `unknown` (of a file: the process ends).
const COMMITS: &str = "pulse_backends_commits_total";
/// Bytes of records or cells that became durable.
const WRITTEN_BYTES: &str = "pulse_backends_written_bytes_total";
/// Requests to write that wait for a transaction: it rises while the disk is too slow.
const QUEUE_JOBS: &str = "pulse_backends_queue_jobs";
/// Time of a read, its wait for a free connection included.
const READ_SECONDS: &str = "pulse_backends_read_seconds";

/// Calls on the CQL store, by call (`write`, `read`) and outcome: `done`, `unknown` (it is repeated), `overloaded`, `unavailable`, `refused` (nothing helps).
const CQL_CALLS: &str = "pulse_backends_cql_calls_total";
/// Time of a call on the CQL store, from the request to its answer, whatever it was; for reads that of one page.
const CQL_SECONDS: &str = "pulse_backends_cql_seconds";
/// Cells that the CQL store wrote or read, by call.
const CQL_CELLS: &str = "pulse_backends_cql_cells_total";

/// Describes the metrics of the CQL store to the recorder.
pub(crate) fn describe_cql() {
    describe_counter!(CQL_CALLS, "calls on the CQL store by call and outcome");
    describe_histogram!(CQL_SECONDS, Unit::Seconds, "time of a call on the CQL store");
    describe_counter!(CQL_CELLS, "cells that the CQL store wrote or read");
}

/// Waits for a call on the CQL store and counts it, with as many cells as `cells` says of its answer.
pub(crate) async fn cql_call<T>(
    call: &'static str,
    clock: &dyn Clock,
    answer: impl Future<Output = Result<T, StoreError>>,
    cells: impl FnOnce(&T) -> usize,
) -> Result<T, StoreError> {
    let began = clock.now();
    let answer = answer.await;
    let outcome = match &answer {
        Ok(_) => "done",
        Err(StoreError::UnknownOutcome(_)) => "unknown",
        Err(StoreError::Overloaded(_)) => "overloaded",
        Err(StoreError::Unavailable(_)) => "unavailable",
        Err(StoreError::Damaged { .. } | StoreError::TooLarge { .. }) => "refused",
    };
    counter!(CQL_CALLS, "call" => call, "outcome" => outcome).increment(1);
    histogram!(CQL_SECONDS, "call" => call).record(clock.now().since(began));
    if let Ok(answer) = &answer {
        counter!(CQL_CELLS, "call" => call).increment(cells(answer) as u64);
    }
    answer
}

/// Describes the metrics of the embedded files to the recorder.
pub(crate) fn describe() {
    describe_histogram!(WRITE_SECONDS, Unit::Seconds, "time from the request to write until it is durable");
    describe_histogram!(COMMIT_SECONDS, Unit::Seconds, "time of a transaction, its sync included");
    describe_histogram!(COMMIT_JOBS, "requests that one sync made durable");
    describe_counter!(COMMITS, "transactions by outcome");
    describe_counter!(WRITTEN_BYTES, Unit::Bytes, "bytes of records or cells that became durable");
    describe_gauge!(QUEUE_JOBS, "requests to write that wait for a transaction");
    describe_histogram!(READ_SECONDS, Unit::Seconds, "time of a read, its wait for a connection included");
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Synced,
    Refused,
    Unknown,
}

/// The metrics of one file.
pub(crate) struct Meter {
    clock: Arc<dyn Clock>,
    write_seconds: Histogram,
    commit_seconds: Histogram,
    commit_jobs: Histogram,
    commits: [(Ending, Counter); 3],
    written_bytes: Counter,
    queue_jobs: Gauge,
    read_seconds: Histogram,
}

impl Meter {
    pub fn new(file: &'static str, clock: Arc<dyn Clock>) -> Self {
        let commits = |ending, outcome| (ending, counter!(COMMITS, "file" => file, "outcome" => outcome));
        Self {
            clock,
            write_seconds: histogram!(WRITE_SECONDS, "file" => file),
            commit_seconds: histogram!(COMMIT_SECONDS, "file" => file),
            commit_jobs: histogram!(COMMIT_JOBS, "file" => file),
            commits: [
                commits(Ending::Synced, "synced"),
                commits(Ending::Refused, "refused"),
                commits(Ending::Unknown, "unknown"),
            ],
            written_bytes: counter!(WRITTEN_BYTES, "file" => file),
            queue_jobs: gauge!(QUEUE_JOBS, "file" => file),
            read_seconds: histogram!(READ_SECONDS, "file" => file),
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn queued(&self) {
        self.queue_jobs.increment(1);
    }

    pub fn taken(&self, jobs: usize) {
        self.queue_jobs.decrement(number(jobs));
    }

    pub fn committed(&self, began: Timestamp, jobs: usize, ending: Ending) {
        self.commit_seconds.record(self.clock.now().since(began));
        self.commit_jobs.record(number(jobs));
        self.commits.iter().filter(|(of, _)| *of == ending).for_each(|(_, commits)| commits.increment(1));
    }

    pub fn written(&self, asked: Timestamp, bytes: usize) {
        self.write_seconds.record(self.clock.now().since(asked));
        self.written_bytes.increment(bytes as u64);
    }

    pub fn read(&self, asked: Timestamp) {
        self.read_seconds.record(self.clock.now().since(asked));
    }
}

fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

#[cfg(test)]
pub(crate) mod testing {
    use super::Meter;
    use crate::memory::ManualClock;
    use domain::time::Timestamp;
    use std::sync::Arc;

    /// A meter that nobody reads.
    pub fn meter() -> Arc<Meter> {
        Arc::new(Meter::new("test.db", Arc::new(ManualClock::at(Timestamp::EPOCH))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::ManualClock;
    use metrics_exporter_prometheus::PrometheusBuilder;

    /// What is told while something happens, a line a value.
    fn told(happening: impl FnOnce(&Meter, &ManualClock)) -> String {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            describe();
            let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_000)));
            happening(&Meter::new("log.db", clock.clone()), &clock);
        });
        recorder.handle().render()
    }

    #[test]
    fn times_go_from_the_request_to_the_answer_and_never_back() {
        let told = told(|meter, clock| {
            let began = meter.now();
            clock.advance(2);
            meter.written(began, 300);
            meter.read(began);
            clock.advance(-50);
            meter.written(began, 4);
        });
        for line in [
            r#"pulse_backends_write_seconds_sum{file="log.db"} 2"#,
            r#"pulse_backends_write_seconds_count{file="log.db"} 2"#,
            r#"pulse_backends_read_seconds_sum{file="log.db"} 2"#,
            r#"pulse_backends_written_bytes_total{file="log.db"} 304"#,
        ] {
            assert!(told.lines().any(|told| told == line), "{line} is not in\n{told}");
        }
    }

    #[test]
    fn a_transaction_counts_under_its_ending_alone() {
        let told = told(|meter, clock| {
            for _ in 0..5 {
                meter.queued();
            }
            meter.taken(3);
            let began = meter.now();
            clock.advance(1);
            meter.committed(began, 3, Ending::Synced);
            meter.committed(began, 1, Ending::Refused);
            meter.committed(began, 1, Ending::Refused);
        });
        for line in [
            r#"pulse_backends_queue_jobs{file="log.db"} 2"#,
            r#"pulse_backends_commit_jobs_sum{file="log.db"} 5"#,
            r#"pulse_backends_commit_seconds_sum{file="log.db"} 3"#,
            r#"pulse_backends_commits_total{file="log.db",outcome="synced"} 1"#,
            r#"pulse_backends_commits_total{file="log.db",outcome="refused"} 2"#,
            r#"pulse_backends_commits_total{file="log.db",outcome="unknown"} 0"#,
            "# HELP pulse_backends_queue_jobs requests to write that wait for a transaction",
        ] {
            assert!(told.lines().any(|told| told == line), "{line} is not in\n{told}");
        }
    }

    #[tokio::test]
    async fn a_call_on_the_cql_store_counts_under_its_outcome_with_its_cells() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let _local = metrics::set_default_local_recorder(&recorder);
        describe_cql();
        let clock = ManualClock::at(Timestamp::from_seconds(1_000));
        let slow = async {
            clock.advance(3);
            Ok(7)
        };
        assert_eq!(cql_call("read", &clock, slow, |cells| *cells).await, Ok(7));
        let errors = [
            StoreError::UnknownOutcome(String::new()),
            StoreError::Unavailable(String::new()),
            StoreError::Unavailable(String::new()),
            StoreError::TooLarge { bytes: 2, bytes_max: 1 },
        ];
        for error in errors {
            let answer = cql_call("write", &clock, async { Err::<(), _>(error.clone()) }, |()| 9).await;
            assert_eq!(answer, Err(error));
        }
        let told = recorder.handle().render();
        for line in [
            r#"pulse_backends_cql_calls_total{call="read",outcome="done"} 1"#,
            r#"pulse_backends_cql_calls_total{call="write",outcome="unknown"} 1"#,
            r#"pulse_backends_cql_calls_total{call="write",outcome="unavailable"} 2"#,
            r#"pulse_backends_cql_calls_total{call="write",outcome="refused"} 1"#,
            r#"pulse_backends_cql_seconds_sum{call="read"} 3"#,
            r#"pulse_backends_cql_cells_total{call="read"} 7"#,
        ] {
            assert!(told.lines().any(|told| told == line), "{line} is not in\n{told}");
        }
        assert!(!told.contains(r#"cql_cells_total{call="write"}"#), "what failed wrote no cells:\n{told}");
    }
}
