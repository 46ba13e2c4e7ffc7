//! What stands around a room's router: answers for unknown paths, methods and formats, panics caught, every refusal a
//! completed problem.

use crate::Problem;
use crate::accept::Accept;
use crate::metrics::Meter;
use crate::problem::{self, Kind, ProblemDocument};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use domain::port::Clock;
use futures::FutureExt;
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tracing::Instrument;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

#[cfg(test)]
mod basics;
mod refusal;
#[cfg(test)]
mod tests;
mod trace;

pub use trace::{TraceId, TraceIds};

#[derive(OpenApi)]
#[openapi(components(schemas(ProblemDocument)))]
struct Shared;

/// An empty router of a room, whose description knows the problems that all operations answer with.
pub fn open<S: Clone + Send + Sync + 'static>() -> OpenApiRouter<S> {
    let mut openapi = Shared::openapi();
    openapi.components.get_or_insert_default().responses = problem::responses();
    OpenApiRouter::with_openapi(openapi)
}

/// Wraps the merged routers of all rooms. Each request gets a trace id, its own `traceparent`'s or a new one, and is
/// measured by the clock. All that stands around a handler is one layer: each layer more is a box and a copy a request.
pub fn close(router: Router, trace_ids: TraceIds, clock: Arc<dyn Clock>) -> Router {
    router
        .merge(problem::routes())
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(Arc::new(Door { trace_ids, meter: Meter::new(clock) }), enter))
}

struct Door {
    trace_ids: TraceIds,
    meter: Meter,
}

async fn enter(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let started = door.meter.start(&request);
    let response = door.complete(request, next).await;
    door.meter.answered(&started, response.status());
    response
}

async fn not_found(uri: Uri) -> Problem {
    Problem::not_found(uri.path())
}

async fn method_not_allowed(request: Request) -> Problem {
    let detail = format!("{} does not know {}", request.uri().path(), request.method());
    Problem::new(Kind::MethodNotAllowed, detail)
}

fn caught(cause: Box<dyn Any + Send>) -> Response {
    let text = cause.downcast::<String>().map(|text| *text);
    let text = text.or_else(|cause| cause.downcast::<&str>().map(|text| (*text).to_owned()));
    Problem::internal(text.unwrap_or_else(|_| "a panic without words".to_owned())).into_response()
}

impl Door {
    async fn complete(&self, mut request: Request, next: Next) -> Response {
        let trace_id = TraceId::of_headers(request.headers()).unwrap_or_else(|| self.trace_ids.next());
        let uri = request.uri().clone();
        let span = tracing::info_span!("request", %trace_id, method = %request.method(), path = uri.path());
        request.extensions_mut().insert(trace_id);
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let accept = reads.then(|| Accept::of_headers(request.headers()));
        let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
        let answer = answer.map(|answer| answer.unwrap_or_else(caught));
        let mut response = answer.instrument(span).await;
        let complete =
            |problem: Problem| problem.render(Some(uri.path().to_owned()), Some(trace_id.to_string()));
        match response.extensions_mut().remove::<Problem>() {
            Some(problem) => with_headers_of(&response, complete(problem)),
            None => refusal::judge(accept.as_ref(), response).await.unwrap_or_else(complete),
        }
    }
}

/// What was said beside a problem, such as `Allow`, is said beside the completed one.
fn with_headers_of(first: &Response, mut completed: Response) -> Response {
    for (name, value) in first.headers() {
        if !completed.headers().contains_key(name) && name != header::CONTENT_LENGTH {
            completed.headers_mut().append(name, value.clone());
        }
    }
    completed
}
