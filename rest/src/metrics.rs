//! What is measured of requests: how many, and how long they took.

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use domain::port::Clock;
use domain::time::Timestamp;
use metrics::{Counter, Histogram, Unit, counter, describe_counter, describe_histogram, histogram};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Requests by operation, such as `GET /v1/usage`, and status. A share of 5xx is ours to mend, one of 4xx a client's.
const REQUESTS: &str = "pulse_http_requests_total";
/// How long requests took until the answer began, by operation and status. Of a live answer that is its first event, of a recount that is followed its head.
const SECONDS: &str = "pulse_http_request_seconds";
/// The operation of what no route or no standard knows: what clients make up is no label.
const UNKNOWN: &str = "unknown";

/// Tells the recorder what they are.
fn describe() {
    describe_counter!(REQUESTS, "requests by operation and status");
    describe_histogram!(SECONDS, Unit::Seconds, "time until the answer began, by operation and status");
}

/// Measures requests by a clock. What was found for an operation and a status once is kept: a name costs more to look
/// up than to count under.
pub(crate) struct Meter {
    clock: Arc<dyn Clock>,
    found: RwLock<HashMap<String, Vec<Series>>>,
}

/// A request on its way.
pub(crate) struct Started {
    at: Timestamp,
    method: Method,
    route: Option<MatchedPath>,
}

#[derive(Clone)]
struct Series {
    method: Method,
    status: StatusCode,
    requests: Counter,
    seconds: Histogram,
}

impl Meter {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        describe();
        Self { clock, found: RwLock::default() }
    }

    pub fn start(&self, request: &Request) -> Started {
        let route = request.extensions().get::<MatchedPath>().cloned();
        let route = route.filter(|_| is_standard(request.method()));
        Started { at: self.clock.now(), method: request.method().clone(), route }
    }

    pub fn answered(&self, started: &Started, status: StatusCode) {
        let took = self.clock.now().since(started.at);
        let Series { requests, seconds, .. } = self.series(started, status);
        requests.increment(1);
        seconds.record(took);
    }

    fn series(&self, Started { method, route, .. }: &Started, status: StatusCode) -> Series {
        let path = route.as_ref().map_or(UNKNOWN, MatchedPath::as_str);
        let is_it = |series: &&Series| series.method == *method && series.status == status;
        let found = self.found.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = found.get(path).and_then(|known| known.iter().find(is_it)) {
            return series.clone();
        }
        drop(found);
        let operation = route.as_ref().map_or_else(|| UNKNOWN.to_owned(), |_| format!("{method} {path}"));
        let labels = [("operation", operation), ("status", status.as_u16().to_string())];
        let (requests, seconds) = (counter!(REQUESTS, &labels), histogram!(SECONDS, &labels));
        let series = Series { method: method.clone(), status, requests, seconds };
        if route.is_some() {
            let mut found = self.found.write().unwrap_or_else(PoisonError::into_inner);
            found.entry(path.to_owned()).or_default().push(series.clone());
        }
        series
    }
}

fn is_standard(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET
            | Method::HEAD
            | Method::POST
            | Method::PUT
            | Method::PATCH
            | Method::DELETE
            | Method::OPTIONS
            | Method::TRACE
            | Method::CONNECT
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::{self, TraceIds};
    use crate::testing::Stopwatch;
    use axum::Router;
    use axum::body::Body;
    use axum::routing::get;
    use metrics_exporter_prometheus::PrometheusBuilder;
    use tower::ServiceExt;

    /// What a recorder shows after those requests, each of which takes two seconds of the clock.
    fn shown(requests: &[(&str, &str)]) -> String {
        let clock = Arc::new(Stopwatch::default());
        let slow = Arc::clone(&clock);
        let wait = move || async move {
            slow.go_on(2);
            StatusCode::OK
        };
        let router = Router::new().route("/v1/skus/{id}", get(wait));
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        metrics::with_local_recorder(&recorder, || {
            let router = door::close(router, TraceIds::new([1; 16]), clock);
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
            ("SECRET", "/v1/skus/a"),
        ]);
        for line in [
            "pulse_http_requests_total{operation=\"GET /v1/skus/{id}\",status=\"200\"} 2",
            "pulse_http_requests_total{operation=\"PUT /v1/skus/{id}\",status=\"405\"} 1",
            "pulse_http_requests_total{operation=\"unknown\",status=\"404\"} 1",
            "pulse_http_requests_total{operation=\"unknown\",status=\"405\"} 1",
            "# HELP pulse_http_requests_total requests by operation and status",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert!(!text.to_ascii_lowercase().contains("secret"), "{text}");
    }

    #[test]
    fn their_time_is_the_clocks() {
        let text = shown(&[("GET", "/v1/skus/a")]);
        let labels = "operation=\"GET /v1/skus/{id}\",status=\"200\"";
        assert!(text.contains(&format!("pulse_http_request_seconds_sum{{{labels}}} 2\n")), "{text}");
        assert!(text.contains(&format!("pulse_http_request_seconds_count{{{labels}}} 1\n")), "{text}");
    }
}
