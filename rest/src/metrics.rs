//! What is measured of requests: how many, and how long they took.

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use domain::port::Clock;
use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use std::sync::Arc;
use std::time::Duration;

/// Requests by operation, such as `GET /v1/usage`, and status. A share of 5xx is ours to mend, one of 4xx a client's.
const REQUESTS: &str = "pulse_http_requests_total";
/// How long requests took until the answer began, by operation and status. Of a live answer that is its first event.
const SECONDS: &str = "pulse_http_request_seconds";
/// The operation of what no route knows: paths of clients are no labels.
const UNKNOWN: &str = "unknown";

/// Tells the recorder what they are.
pub fn describe() {
    describe_counter!(REQUESTS, "requests by operation and status");
    describe_histogram!(SECONDS, Unit::Seconds, "time until the answer began, by operation and status");
}

/// Measures every request that the router answers.
pub fn measured(router: Router, clock: Arc<dyn Clock>) -> Router {
    router.layer(middleware::from_fn_with_state(clock, measure))
}

async fn measure(State(clock): State<Arc<dyn Clock>>, request: Request, next: Next) -> Response {
    let operation = operation(&request);
    let start = clock.now();
    let response = next.run(request).await;
    let nanos = clock.now().nanos().saturating_sub(start.nanos());
    let took = Duration::from_nanos(nanos.try_into().unwrap_or_default());
    let labels = [("operation", operation), ("status", response.status().as_u16().to_string())];
    counter!(REQUESTS, &labels).increment(1);
    histogram!(SECONDS, &labels).record(took);
    response
}

fn operation(request: &Request) -> String {
    let route = request.extensions().get::<MatchedPath>();
    route.map_or_else(|| UNKNOWN.to_owned(), |path| format!("{} {}", request.method(), path.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::{self, TraceIds};
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::routing::get;
    use domain::time::Timestamp;
    use metrics_exporter_prometheus::PrometheusBuilder;
    use std::sync::atomic::{AtomicI64, Ordering};
    use tower::ServiceExt;

    /// Shows the second it was set to.
    #[derive(Default)]
    struct Stopwatch(AtomicI64);

    impl Clock for Stopwatch {
        fn now(&self) -> Timestamp {
            Timestamp::from_seconds(self.0.load(Ordering::Relaxed))
        }
    }

    /// What a recorder shows after those requests, each of which takes two seconds of the clock.
    fn shown(requests: &[(&str, &str)]) -> String {
        let clock = Arc::new(Stopwatch::default());
        let slow = Arc::clone(&clock);
        let wait = move || async move {
            slow.0.fetch_add(2, Ordering::Relaxed);
            StatusCode::OK
        };
        let router = Router::new().route("/v1/skus/{id}", get(wait));
        let router = measured(door::close(router, TraceIds::new([1; 16])), clock);
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        metrics::with_local_recorder(&recorder, || {
            describe();
            for (method, uri) in requests {
                let request = Request::builder().method(*method).uri(*uri).body(Body::empty()).unwrap();
                runtime.block_on(router.clone().oneshot(request)).unwrap();
            }
        });
        handle.render()
    }

    #[test]
    fn requests_are_counted_by_route_and_status_never_by_path() {
        let text = shown(&[
            ("GET", "/v1/skus/a"),
            ("GET", "/v1/skus/secret?x=1"),
            ("PUT", "/v1/skus/a"),
            ("GET", "/nowhere/secret"),
        ]);
        for line in [
            "pulse_http_requests_total{operation=\"GET /v1/skus/{id}\",status=\"200\"} 2",
            "pulse_http_requests_total{operation=\"PUT /v1/skus/{id}\",status=\"405\"} 1",
            "pulse_http_requests_total{operation=\"unknown\",status=\"404\"} 1",
            "# HELP pulse_http_requests_total requests by operation and status",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn their_time_is_the_clocks() {
        let text = shown(&[("GET", "/v1/skus/a")]);
        let labels = "operation=\"GET /v1/skus/{id}\",status=\"200\"";
        assert!(text.contains(&format!("pulse_http_request_seconds_sum{{{labels}}} 2\n")), "{text}");
        assert!(text.contains(&format!("pulse_http_request_seconds_count{{{labels}}} 1\n")), "{text}");
    }
}
