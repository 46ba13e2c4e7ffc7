//! What stands around a room's router: answers for unknown paths, methods and formats, panics caught, every refusal a
//! completed problem.

use crate::Problem;
use crate::accept::Accept;
use crate::problem::{self, Kind, ProblemDocument};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use std::any::Any;
use tower_http::catch_panic::CatchPanicLayer;
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

/// Wraps the merged routers of all rooms. Each request gets a trace id: its own `traceparent`'s, or a new one.
pub fn close(router: Router, trace_ids: TraceIds) -> Router {
    router
        .merge(problem::routes())
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(caught))
        .layer(middleware::from_fn_with_state(trace_ids, complete))
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

async fn complete(State(trace_ids): State<TraceIds>, mut request: Request, next: Next) -> Response {
    let trace_id = TraceId::of_headers(request.headers()).unwrap_or_else(|| trace_ids.next());
    let path = request.uri().path().to_owned();
    let span = tracing::info_span!("request", %trace_id, method = %request.method(), path);
    request.extensions_mut().insert(trace_id);
    let (method, accept) = (request.method().clone(), Accept::of_headers(request.headers()));
    let mut response = next.run(request).instrument(span).await;
    let complete = |problem: Problem| problem.render(Some(path), Some(trace_id.to_string()));
    match response.extensions_mut().remove::<Problem>() {
        Some(problem) => with_headers_of(&response, complete(problem)),
        None => refusal::judge(&method, &accept, response).await.unwrap_or_else(complete),
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
