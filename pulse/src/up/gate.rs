//! What every request passes on its way in: a time it must be answered within, the memory there is for it, and the trace
//! it belongs to.

use super::memory::{Memory, RETRY_SECONDS};
use crate::telemetry::context_of;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use domain::code::Code;
use rest::Problem;
use std::collections::HashMap;
use std::time::Duration;
use tonic::{Code as StatusCode, Status};
use tonic_types::{ErrorDetails, StatusExt};
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// How long a request over HTTP may take from its head to the head of its answer, its body included.
const REQUEST_MAX: Duration = Duration::from_secs(30);

/// Puts the resources behind the time and the memory there are.
pub fn guard_http(resources: Router, memory: Memory) -> Router {
    resources.layer(from_fn_with_state(memory, http))
}

/// Puts the services behind the memory there is; their times are their own.
pub fn guard_grpc(services: Router, memory: Memory) -> Router {
    services.layer(from_fn_with_state(memory, grpc))
}

/// Makes each request a span of its caller's trace.
pub fn trace(router: Router) -> Router {
    router.layer(from_fn(traced))
}

async fn http(State(memory): State<Memory>, request: Request, next: Next) -> Response<Body> {
    let Some(_admitted) = memory.admit("http") else {
        let problem = Problem::new(Code::Overloaded, "memory is short: send the same again");
        return problem.retry_after(RETRY_SECONDS).into_response();
    };
    let late = |_| {
        let detail = format!("the request was not answered within {} seconds", REQUEST_MAX.as_secs());
        Problem::new(Code::DeadlineExceeded, detail).into_response()
    };
    tokio::time::timeout(REQUEST_MAX, next.run(request)).await.unwrap_or_else(late)
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

async fn traced(request: Request, next: Next) -> Response<Body> {
    let (method, path) = (request.method().as_str(), request.uri().path());
    let span = tracing::info_span!("serve", otel.kind = "server", otel.name = path, method);
    // Fails only where nobody collects spans.
    let _ = span.set_parent(context_of(request.headers()));
    next.run(request).instrument(span).await
}
