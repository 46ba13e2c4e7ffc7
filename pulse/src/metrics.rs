//! The metrics of all rooms and of the process itself, read at `/metrics` in Prometheus's text format.

use crate::process;
use anyhow::Context;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use domain::port::Clock;
use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Always 1; its label says which version runs where.
const BUILD_INFO: &str = "pulse_process_build_info";
/// When the process started: a younger one than expected was restarted by somebody.
const START_TIME: &str = "pulse_process_start_time_seconds";
/// Memory the process holds: flat under a steady load; past `memory_bytes_max` requests are shed.
const RESIDENT_MEMORY: &str = "pulse_process_resident_memory_bytes";
/// Open files and sockets: about the connections; it rises for ever only where something leaks.
const OPEN_FILES: &str = "pulse_process_open_files";
/// Requests refused because memory was short, by door: clients send them again.
const SHED: &str = "pulse_process_requests_shed_total";

/// How often samples are folded where nobody asks for them, so that they do not pile up.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// The buckets of every duration.
const SECONDS: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// The buckets of everything else: powers of eight, from one to a gibibyte.
const SIZES: [f64; 11] = [
    1.0,
    8.0,
    64.0,
    512.0,
    4096.0,
    32768.0,
    262_144.0,
    2_097_152.0,
    16_777_216.0,
    134_217_728.0,
    1_073_741_824.0,
];
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What all metrics are read from; a clone reads the same.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Takes the metrics of the whole process from here on; once per process.
    pub fn install(clock: &dyn Clock) -> anyhow::Result<Self> {
        let recorder = recorder();
        let metrics = Self(recorder.handle());
        metrics::set_global_recorder(recorder).context("collecting metrics")?;
        describe(clock);
        Ok(metrics)
    }

    /// The resource `/metrics`.
    pub fn routes(&self) -> Router {
        let metrics = self.clone();
        let answer = move || async move { ([(CONTENT_TYPE, PROMETHEUS_TEXT)], metrics.render()) };
        Router::new().route("/metrics", get(answer))
    }

    /// Folds samples for as long as it is polled.
    pub async fn keep(self) {
        let mut rounds = interval(UPKEEP_INTERVAL);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            self.0.run_upkeep();
        }
    }

    fn render(&self) -> String {
        measure_process();
        self.0.render()
    }
}

/// A request was refused because the process holds too much memory.
pub fn count_shed(door: &'static str) {
    counter!(SHED, "door" => door).increment(1);
}

fn recorder() -> PrometheusRecorder {
    let durations = Matcher::Suffix("_seconds".to_owned());
    PrometheusBuilder::new()
        .set_buckets(&SIZES)
        .and_then(|builder| builder.set_buckets_for_metric(durations, &SECONDS))
        .expect("there are buckets")
        .build_recorder()
}

fn describe(clock: &dyn Clock) {
    describe_gauge!(BUILD_INFO, "1, with the version as label");
    describe_gauge!(START_TIME, Unit::Seconds, "when the process started, in seconds since 1970");
    describe_gauge!(RESIDENT_MEMORY, Unit::Bytes, "memory the process holds");
    describe_gauge!(OPEN_FILES, "open files and sockets");
    describe_counter!(SHED, "requests refused because memory_bytes_max was passed, by door");
    gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1);
    gauge!(START_TIME).set(whole(clock.now().seconds().unsigned_abs()));
    for door in ["http", "grpc"] {
        counter!(SHED, "door" => door).absolute(0);
    }
    measure_process();
}

fn measure_process() {
    if let Some(bytes) = process::resident_bytes() {
        gauge!(RESIDENT_MEMORY).set(whole(bytes));
    }
    if let Some(files) = process::open_files() {
        gauge!(OPEN_FILES).set(whole(files));
    }
}

/// A gauge is a float by its format; below 2^53 none of the digits is lost.
#[expect(clippy::cast_precision_loss, reason = "a gauge for people, never an amount")]
fn whole(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use backends::memory::ManualClock;
    use domain::time::Timestamp;

    /// What `/metrics` says after these measurements.
    fn rendered(measure: impl FnOnce()) -> String {
        let recorder = recorder();
        let metrics = Metrics(recorder.handle());
        metrics::with_local_recorder(&recorder, || {
            measure();
            metrics.render()
        })
    }

    fn find<'a>(text: &'a str, name: &str) -> Option<&'a str> {
        let value = |line: &'a str| line.strip_prefix(name)?.strip_prefix(' ');
        text.lines().find_map(value)
    }

    #[test]
    fn the_process_tells_its_version_its_start_and_what_it_holds() {
        let clock = ManualClock::at(Timestamp::from_seconds(1_767_225_600));
        let text = rendered(|| describe(&clock));
        assert_eq!(find(&text, "pulse_process_build_info{version=\"0.1.0\"}"), Some("1"), "{text}");
        assert_eq!(find(&text, START_TIME), Some("1767225600"));
        let memory: u64 = find(&text, RESIDENT_MEMORY).unwrap().parse().unwrap();
        assert!((1 << 20..1 << 40).contains(&memory), "{memory}");
        assert!(
            find(&text, OPEN_FILES).unwrap().parse::<u64>().unwrap() >= 3,
            "at least the standard streams"
        );
    }

    #[test]
    fn a_refusal_is_counted_at_its_door_and_shows_before_the_first() {
        let clock = ManualClock::at(Timestamp::from_seconds(0));
        let text = rendered(|| {
            describe(&clock);
            count_shed("grpc");
            count_shed("grpc");
        });
        assert_eq!(find(&text, "pulse_process_requests_shed_total{door=\"http\"}"), Some("0"));
        assert_eq!(find(&text, "pulse_process_requests_shed_total{door=\"grpc\"}"), Some("2"));
    }

    #[test]
    fn durations_are_histograms_that_add_up_over_processes() {
        let text = rendered(|| {
            for seconds in [0.0004, 0.003, 0.003, 20.0] {
                metrics::histogram!("pulse_test_ack_seconds").record(seconds);
            }
        });
        let bucket = |bound: &str| find(&text, &format!("pulse_test_ack_seconds_bucket{{le=\"{bound}\"}}"));
        assert_eq!(bucket("0.0005"), Some("1"), "{text}");
        assert_eq!(bucket("0.0025"), Some("1"));
        assert_eq!(bucket("0.005"), Some("3"));
        assert_eq!(bucket("10"), Some("3"));
        assert_eq!(bucket("+Inf"), Some("4"));
    }

    #[test]
    fn sizes_are_histograms_too() {
        let text = rendered(|| metrics::histogram!("pulse_test_flush_bytes").record(100.0));
        let bucket = |bound: &str| find(&text, &format!("pulse_test_flush_bytes_bucket{{le=\"{bound}\"}}"));
        assert_eq!(
            (bucket("64"), bucket("512"), bucket("+Inf")),
            (Some("0"), Some("1"), Some("1")),
            "{text}"
        );
    }

    #[test]
    fn every_metric_says_what_it_is() {
        let clock = ManualClock::at(Timestamp::from_seconds(0));
        let text = rendered(|| describe(&clock));
        for name in [BUILD_INFO, START_TIME, RESIDENT_MEMORY, OPEN_FILES, SHED] {
            assert!(text.contains(&format!("# HELP {name} ")), "{name} in {text}");
        }
    }
}
