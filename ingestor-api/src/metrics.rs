//! What the edge tells about itself, each by its name. Each metric says how to read it.

use crate::not_taken::NotTaken;
use crate::outcome::{Outcome, Taken};
use domain::code::Code;
use domain::reject::RejectReason;
use domain::time::Timestamp;
use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};

/// Pulses by outcome: `accepted`, `duplicate`, `rejected` (and why), `not_taken` (and why: its sender comes again).
const PULSES: &str = "pulse_ingestor_api_pulses_total";
/// Batches, calls of one pulse among them. Pulses by batch tell how much a client sends together.
const BATCHES: &str = "pulse_ingestor_api_batches_total";
/// Bytes of pulses as they came.
const BYTES: &str = "pulse_ingestor_api_received_bytes_total";
/// Time from a batch's reading to its answer: what a client waits for, the network apart.
const ACK_SECONDS: &str = "pulse_ingestor_api_ack_seconds";
/// Bytes of pulses that are read and not answered. At the bound of the configuration calls are refused as OVERLOADED.
const IN_FLIGHT: &str = "pulse_ingestor_api_in_flight_bytes";
/// Parts of batches that wait for an append of their partition: it rises while the log is too slow.
const QUEUE: &str = "pulse_ingestor_api_queue_parts";
/// Pulses that one append took together: more where more wait.
const APPENDED: &str = "pulse_ingestor_api_append_pulses";
/// Appends that failed, by what is known of them: `refused` (nothing is stored) or `unknown`.
const APPEND_FAILURES: &str = "pulse_ingestor_api_append_failures_total";
/// Streams that are open.
const STREAMS: &str = "pulse_ingestor_api_streams";

/// Tells the recorder what they are.
fn describe() {
    describe_counter!(PULSES, "pulses by outcome and reason");
    describe_counter!(BATCHES, "batches, calls of one pulse among them");
    describe_counter!(BYTES, Unit::Bytes, "bytes of pulses as they came");
    describe_histogram!(ACK_SECONDS, Unit::Seconds, "time from a batch's reading to its answer");
    describe_gauge!(IN_FLIGHT, Unit::Bytes, "bytes of pulses that are read and not answered");
    describe_gauge!(QUEUE, "parts of batches that wait for an append of their partition");
    describe_histogram!(APPENDED, "pulses that one append took together");
    describe_counter!(APPEND_FAILURES, "appends that failed, by what is known of them");
    describe_gauge!(STREAMS, "streams that are open");
}

/// The metrics of an edge. All are there from its start, so that a rate has a beginning.
pub(crate) struct Meter {
    accepted: Counter,
    duplicate: Counter,
    rejected: Vec<(RejectReason, Counter)>,
    not_taken: Vec<(Code, Counter)>,
    batches: Counter,
    bytes: Counter,
    ack_seconds: Histogram,
    in_flight: Gauge,
    streams: Gauge,
}

/// The metrics of the lanes.
#[derive(Clone)]
pub(crate) struct LaneMeter {
    queue: Gauge,
    appended: Histogram,
    refused: Counter,
    unknown: Counter,
}

/// Something that is going on, for a gauge: it is over when this is dropped.
pub(crate) struct GoingOn {
    gauge: Gauge,
    size: f64,
}

impl Meter {
    pub fn new() -> Self {
        describe();
        let reason = |reason: RejectReason| (reason, pulses("rejected", reason.name()));
        let code = |code: Code| (code, pulses("not_taken", code.name()));
        Self {
            accepted: pulses("accepted", ""),
            duplicate: pulses("duplicate", ""),
            rejected: RejectReason::ALL.iter().copied().map(reason).collect(),
            not_taken: Code::ALL.iter().copied().map(code).collect(),
            batches: counter!(BATCHES),
            bytes: counter!(BYTES),
            ack_seconds: histogram!(ACK_SECONDS),
            in_flight: gauge!(IN_FLIGHT),
            streams: gauge!(STREAMS),
        }
    }

    /// A batch was read.
    pub fn received(&self, bytes: usize) {
        self.batches.increment(1);
        self.bytes.increment(bytes as u64);
    }

    /// A batch of so many pulses was answered.
    pub fn answered(
        &self,
        pulses: usize,
        answer: &Result<Taken, NotTaken>,
        (from, to): (Timestamp, Timestamp),
    ) {
        self.ack_seconds.record(to.since(from));
        match answer {
            Ok(taken) => self.taken(&taken.outcomes),
            Err(error) => count(&self.not_taken, error.code, pulses),
        }
    }

    fn taken(&self, outcomes: &[Outcome]) {
        let of = |wanted: &Outcome| outcomes.iter().filter(|outcome| *outcome == wanted).count() as u64;
        self.accepted.increment(of(&Outcome::Accepted));
        self.duplicate.increment(of(&Outcome::Duplicate));
        for rejection in outcomes.iter().filter_map(Outcome::rejection) {
            count(&self.rejected, rejection.reject.reason, 1);
        }
    }

    /// So many bytes of the budget are taken, while the result lives.
    pub fn in_flight(&self, bytes: u32) -> GoingOn {
        GoingOn::begin(&self.in_flight, bytes)
    }

    /// A stream is open, while the result lives.
    pub fn stream(&self) -> GoingOn {
        GoingOn::begin(&self.streams, 1)
    }
}

impl LaneMeter {
    pub fn new() -> Self {
        let failed = |outcome| counter!(APPEND_FAILURES, "outcome" => outcome);
        Self {
            queue: gauge!(QUEUE),
            appended: histogram!(APPENDED),
            refused: failed("refused"),
            unknown: failed("unknown"),
        }
    }

    /// A part waits, while the result lives.
    pub fn waiting(&self) -> GoingOn {
        GoingOn::begin(&self.queue, 1)
    }

    /// So many pulses were appended together. An append of statements alone takes none and tells nothing of groups.
    pub fn appended(&self, pulses: usize) {
        if pulses > 0 {
            self.appended.record(f64::from(u32::try_from(pulses).unwrap_or(u32::MAX)));
        }
    }

    /// An append failed.
    pub fn failed(&self, error: &NotTaken) {
        let counter = if error.is_refusal() { &self.refused } else { &self.unknown };
        counter.increment(1);
    }
}

impl GoingOn {
    fn begin(gauge: &Gauge, size: u32) -> Self {
        let size = f64::from(size);
        gauge.increment(size);
        Self { gauge: gauge.clone(), size }
    }
}

impl Drop for GoingOn {
    fn drop(&mut self) {
        self.gauge.decrement(self.size);
    }
}

fn pulses(outcome: &'static str, reason: &str) -> Counter {
    counter!(PULSES, "outcome" => outcome, "reason" => reason.to_ascii_lowercase())
}

fn count<K: Copy + PartialEq>(counters: &[(K, Counter)], key: K, pulses: usize) {
    if let Some((_, counter)) = counters.iter().find(|(of, _)| *of == key) {
        counter.increment(pulses as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::LaneMeter;
    use crate::edge::{Edge, Ids};
    use crate::testing::{House, raw, report};
    use backends::memory::AppendFault;
    use domain::pulse::RawPulse;
    use futures::FutureExt;
    use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
    use std::time::Duration;

    /// An edge whose metrics go to a recorder of its own.
    fn measured(house: &House) -> (Edge, PrometheusHandle) {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        (metrics::with_local_recorder(&recorder, || house.edge()), handle)
    }

    /// The value of a line of the exposition; `None`: there is no such line.
    fn value(handle: &PrometheusHandle, line: &str) -> Option<String> {
        let text = handle.render();
        text.lines().find_map(|found| Some(found.strip_prefix(line)?.strip_prefix(' ')?.to_owned()))
    }

    fn pulses(handle: &PrometheusHandle, outcome: &str, reason: &str) -> Option<String> {
        value(handle, &format!(r#"pulse_ingestor_api_pulses_total{{outcome="{outcome}",reason="{reason}"}}"#))
    }

    #[tokio::test]
    async fn every_pulse_is_counted_under_its_outcome() {
        let house = House::new();
        let (edge, handle) = measured(&house);
        assert_eq!(pulses(&handle, "accepted", "").as_deref(), Some("0"), "a rate has a beginning");
        let unknown = RawPulse { sku: "no.such".into(), ..raw("a-3") };
        let batch = [raw("a-1"), raw("a-1"), raw("a-2"), unknown];
        edge.take(batch.into_iter().map(report).collect(), Ids::Required).await.unwrap();
        house.log.memory.script_appends([Some(AppendFault::Overloaded), Some(AppendFault::UnknownStored)]);
        for _ in 0..2 {
            let batch = [raw("a-4"), raw("a-5"), raw("a-6")];
            edge.take(batch.into_iter().map(report).collect(), Ids::Required).await.unwrap_err();
        }
        for (outcome, reason, count) in [
            ("accepted", "", "2"),
            ("duplicate", "", "1"),
            ("rejected", "unknown_sku", "1"),
            ("rejected", "unknown_tenant", "0"),
            ("not_taken", "overloaded", "3"),
            ("not_taken", "unavailable", "3"),
        ] {
            assert_eq!(pulses(&handle, outcome, reason).as_deref(), Some(count), "{outcome} {reason}");
        }
        for (line, count) in [
            ("pulse_ingestor_api_batches_total", "3"),
            ("pulse_ingestor_api_received_bytes_total", "1000"),
            (r#"pulse_ingestor_api_append_failures_total{outcome="refused"}"#, "1"),
            (r#"pulse_ingestor_api_append_failures_total{outcome="unknown"}"#, "1"),
            ("pulse_ingestor_api_ack_seconds_count", "3"),
            ("pulse_ingestor_api_append_pulses_count", "2"),
        ] {
            assert_eq!(value(&handle, line).as_deref(), Some(count), "{line}");
        }
    }

    #[test]
    fn an_append_of_statements_alone_is_no_group_of_pulses() {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            let meter = LaneMeter::new();
            for pulses in [0, 7, 0] {
                meter.appended(pulses);
            }
        });
        let of = |what: &str| value(&recorder.handle(), &format!("pulse_ingestor_api_append_pulses_{what}"));
        assert_eq!((of("count").as_deref(), of("sum").as_deref()), (Some("1"), Some("7")));
    }

    #[tokio::test]
    async fn what_waits_shows_while_it_waits() {
        let house = House::new();
        let (edge, handle) = measured(&house);
        let gauges = || {
            let of = |name: &str| value(&handle, &format!("pulse_ingestor_api_{name}")).unwrap();
            (of("in_flight_bytes"), of("queue_parts"))
        };
        house.log.shut();
        let calls: Vec<_> = (0..3)
            .map(|number| {
                let batch = vec![report(raw(&format!("a-{number}")))];
                let mut call = Box::pin(edge.take(batch, Ids::Required));
                assert!(call.as_mut().now_or_never().is_none());
                call
            })
            .collect();
        // 100 bytes on the wire and 1 KiB parsed each.
        assert_eq!(gauges(), ("3372".to_owned(), "3".to_owned()));
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(gauges().1, "0", "the group is being appended");
        house.clock.advance(2);
        house.log.open();
        for call in calls {
            call.await.unwrap();
        }
        assert_eq!(gauges(), ("0".to_owned(), "0".to_owned()));
        assert_eq!(value(&handle, "pulse_ingestor_api_ack_seconds_sum").as_deref(), Some("6"));
    }

    #[test]
    fn every_metric_is_described() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || House::new().edge());
        let text = handle.render();
        for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let name = line.split(' ').next().unwrap();
            assert!(text.contains(&format!("# HELP {name} ")), "{name}");
        }
        assert!(text.contains("# HELP pulse_ingestor_api_streams "));
    }
}
