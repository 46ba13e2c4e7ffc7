//! What every request passes on its way in: a time it must be answered within, the memory there is for it, and the trace
//! it belongs to.

mod arrival;

use super::memory::{Memory, RETRY_SECONDS};
use crate::telemetry::{TRACEPARENT, context_of, traceparent_of};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use domain::code::Code;
use rest::Problem;
use rest::problem::Kind;
use std::collections::HashMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tonic::{Code as StatusCode, Status};
use tonic_types::{ErrorDetails, StatusExt};
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// How long a request over HTTP may take from its head to the head of its answer, its body included.
const REQUEST_MAX: Duration = Duration::from_secs(30);

/// Puts the resources behind the time and the memory there are; there is less time when the process is closing.
pub fn guard_http(resources: Router, memory: Memory, closing: CancellationToken) -> Router {
    resources.layer(from_fn_with_state((memory, closing), http))
}

/// Puts the services behind the memory there is; their times are their own.
pub fn guard_grpc(services: Router, memory: Memory) -> Router {
    services.layer(from_fn_with_state(memory, grpc))
}

/// Makes each request a span of its caller's trace.
pub fn trace(router: Router) -> Router {
    router.layer(from_fn(traced))
}

async fn http(
    State((memory, closing)): State<(Memory, CancellationToken)>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let Some(_admitted) = memory.admit("http") else {
        let problem = Problem::new(Code::Overloaded, "memory is short: send the same again");
        return problem.retry_after(RETRY_SECONDS).into_response();
    };
    let (head, body) = request.into_parts();
    let (body, lateness) = arrival::in_time(body, closing);
    match tokio::time::timeout(REQUEST_MAX, next.run(Request::from_parts(head, body))).await {
        Ok(_) if lateness.is_noted() => not_arrived(),
        Ok(response) => response,
        Err(_) => {
            let detail = format!("the request was not answered within {} seconds", REQUEST_MAX.as_secs());
            Problem::new(Code::DeadlineExceeded, detail).into_response()
        }
    }
}

/// For who began a body and did not end it; what else it may have to say on this connection is not waited for.
fn not_arrived() -> Response<Body> {
    let seconds = arrival::BODY_MAX.as_secs();
    let detail = format!("the body did not come to its end in time, which is {seconds} seconds at most");
    let mut refused = Problem::new(Kind::RequestTimeout, detail).into_response();
    refused.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    refused
}

async fn grpc(State(memory): State<Memory>, request: Request, next: Next) -> Response<Body> {
    match memory.admit("grpc") {
        Some(_admitted) => next.run(request).await,
        None => overloaded().into_http(),
    }
}

fn overloaded() -> Status {
    let mut details = ErrorDetails::with_retry_info(Some(Duration::from_secs(RETRY_SECONDS.into())));
    details.set_error_info(Code::Overloaded.name(), "pulse", HashMap::<String, String>::new());
    let message = "memory is short: send the same again";
    Status::with_error_details(StatusCode::ResourceExhausted, message, details)
}

/// What a caller's trace does not name is named by the span: so the log and the problems name the trace that is sent.
async fn traced(mut request: Request, next: Next) -> Response<Body> {
    let (method, path) = (request.method().as_str(), request.uri().path());
    let span = tracing::info_span!("serve", otel.kind = "server", otel.name = path, method);
    // Fails only where nobody collects spans.
    let _ = span.set_parent(context_of(request.headers()));
    if let Some(place) = traceparent_of(&span.context()) {
        request.headers_mut().insert(TRACEPARENT, place);
    }
    next.run(request).instrument(span).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system_clock::SystemClock;
    use axum::body::to_bytes;
    use axum::routing::{get, post};
    use futures::stream;
    use rest::door::{TraceIds, close};
    use serde_json::Value;
    use std::future::pending;
    use std::sync::Arc;
    use tower::ServiceExt;

    fn short_of_memory() -> Memory {
        let memory = Memory::new(1);
        memory.note(2);
        memory
    }

    /// What a guarded resource answers over HTTP: status, `Retry-After`, body.
    async fn ask(path: &str, memory: &Memory) -> (u16, Option<String>, Value) {
        let response = answer(Request::get(path).body(Body::empty()).unwrap(), memory).await;
        let status = response.status().as_u16();
        let retry = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        (status, retry, read(response).await)
    }

    async fn answer(request: Request, memory: &Memory) -> Response<Body> {
        let resources = Router::new()
            .route("/fine", get(|| async { "\"fine\"" }))
            .route("/never", get(pending::<&'static str>))
            .route("/echo", post(|body: String| async move { format!("\"{body}\"") }));
        let guarded = guard_http(resources, memory.clone(), CancellationToken::new());
        close(guarded, TraceIds::new([1; 16]), Arc::new(SystemClock)).oneshot(request).await.unwrap()
    }

    async fn read(response: Response<Body>) -> Value {
        serde_json::from_slice(&to_bytes(response.into_body(), 10_000).await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_request_past_the_memory_is_told_when_to_come_again() {
        let memory = short_of_memory();
        let held: Vec<_> = std::iter::from_fn(|| memory.admit("http")).collect();
        let (status, retry, body) = ask("/fine", &memory).await;
        assert_eq!((status, retry.as_deref(), body["code"].as_str()), (503, Some("1"), Some("OVERLOADED")));
        assert_eq!(body["retryable"], true);
        drop(held);
        assert_eq!(ask("/fine", &memory).await.0, 200, "a few go on");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_never_answered_ends_at_its_time() {
        let (status, _, body) = ask("/never", &Memory::new(u64::MAX)).await;
        assert_eq!((status, body["code"].as_str()), (504, Some("DEADLINE_EXCEEDED")));
        assert_eq!(body["detail"], "the request was not answered within 30 seconds");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_comes_is_told_so_and_its_connection_closed() {
        let memory = Memory::new(u64::MAX);
        let stalled = Body::from_stream(stream::pending::<Result<&str, std::io::Error>>());
        let response = answer(Request::post("/echo").body(stalled).unwrap(), &memory).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["connection"]),
            (408, &"close".parse().unwrap())
        );
        let body = read(response).await;
        assert_eq!((&body["code"], &body["retryable"]), (&"REQUEST_TIMEOUT".into(), &true.into()));
        assert_eq!(body["detail"], "the body did not come to its end in time, which is 20 seconds at most");
        let whole = answer(Request::post("/echo").body(Body::from("whole")).unwrap(), &memory).await;
        assert_eq!((whole.status().as_u16(), whole.headers().get("connection")), (200, None));
    }

    #[tokio::test]
    async fn a_call_past_the_memory_carries_code_and_delay() {
        let memory = short_of_memory();
        let _held: Vec<_> = std::iter::from_fn(|| memory.admit("grpc")).collect();
        let services = guard_grpc(Router::new().route("/call", get(|| async { "" })), memory);
        let request = Request::get("/call").body(Body::empty()).unwrap();
        let response = services.oneshot(request).await.unwrap();
        let status = Status::from_header_map(response.headers()).unwrap();
        let details = status.get_error_details();
        assert_eq!(status.code(), StatusCode::ResourceExhausted);
        assert_eq!(details.error_info().unwrap().reason, "OVERLOADED");
        assert_eq!(details.retry_info().unwrap().retry_delay, Some(Duration::from_secs(1)));
    }
}
