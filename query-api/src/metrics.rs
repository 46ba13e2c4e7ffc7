//! What the reads tell about themselves, beside what every request is measured by. Each metric says how to read it.

use crate::reconciliation::Reconciliation;
use domain::time::Timestamp;
use metrics::{Gauge, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use rest::Problem;

/// Places that are taken by answers that go on, `live` ones and `recount`s that are followed: at its bound, 64 and 16, the next one is refused as OVERLOADED.
const SEATS_TAKEN: &str = "pulse_query_api_seats_taken";
/// Recounts by outcome: `unbalanced` ones tell that a pulse was lost or counted twice, and `pulse reconcile` where.
const RECOUNTS: &str = "pulse_query_api_recounts_total";
/// How long a recount took, the wait for its turn apart: in proportion to what is kept.
const RECOUNT_SECONDS: &str = "pulse_query_api_recount_seconds";

/// Describes them all to the recorder.
pub(crate) fn describe() {
    describe_gauge!(SEATS_TAKEN, "places taken by answers that go on");
    describe_counter!(RECOUNTS, "recounts by outcome");
    describe_histogram!(RECOUNT_SECONDS, Unit::Seconds, "how long a recount took");
}

/// The places of one kind that are taken.
pub(crate) fn seats_taken(kind: &'static str) -> Gauge {
    gauge!(SEATS_TAKEN, "kind" => kind)
}

/// A recount came to its end.
pub(crate) fn recounted(outcome: &Result<Reconciliation, Problem>, began: Timestamp, ended: Timestamp) {
    let outcome = match outcome {
        Ok(books) if books.entries.balanced => "balanced",
        Ok(_) => "unbalanced",
        Err(_) => "failed",
    };
    counter!(RECOUNTS, "outcome" => outcome).increment(1);
    histogram!(RECOUNT_SECONDS).record(ended.since(began));
}

#[cfg(test)]
mod tests {
    use crate::testing::House;
    use crate::testing::events::Reader;
    use backends::memory::ReadFault;
    use metrics_exporter_prometheus::PrometheusBuilder;

    #[test]
    fn places_and_recounts_are_counted() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        metrics::with_local_recorder(&recorder, || {
            runtime.block_on(async {
                let house = House::furnished().await;
                house.get("/v1/reconciliation").await;
                house.store.script_reads([Some(ReadFault::Unavailable)]);
                house.get("/v1/reconciliation").await;
                let followed = Reader::open(&house, "/v1/reconciliation").await;
                let (left, live) = (
                    Reader::open(&house, "/v1/usage/live").await,
                    Reader::open(&house, "/v1/usage/live").await,
                );
                drop(left);
                let text = handle.render();
                drop((followed, live));
                for line in [
                    "pulse_query_api_recounts_total{outcome=\"balanced\"} 1",
                    "pulse_query_api_recounts_total{outcome=\"failed\"} 1",
                    "pulse_query_api_recount_seconds_count 2",
                    "pulse_query_api_seats_taken{kind=\"recount\"} 1",
                    "pulse_query_api_seats_taken{kind=\"live\"} 1",
                ] {
                    assert!(text.contains(&format!("{line}\n")), "{line}: {text}");
                }
            });
        });
    }
}
