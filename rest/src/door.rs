//! What stands around a room's router: answers for unknown paths and methods, panics caught, problems completed.

use crate::Problem;
use crate::problem::{Kind, ProblemDocument};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use std::any::Any;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

mod trace;
pub use trace::{TraceId, TraceIds};

#[derive(OpenApi)]
#[openapi(components(schemas(ProblemDocument)))]
struct Shared;

/// An empty router of a room, whose description knows the problem document that all operations answer with.
pub fn open<S: Clone + Send + Sync + 'static>() -> OpenApiRouter<S> {
    OpenApiRouter::with_openapi(Shared::openapi())
}

/// Wraps the merged routers of all rooms. Each request gets a trace id: its own `traceparent`'s, or a new one.
pub fn close(router: Router, trace_ids: TraceIds) -> Router {
    router
        .merge(crate::problem::routes())
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
    let mut response = next.run(request).instrument(span).await;
    match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem.render(Some(path), Some(trace_id.to_string())),
        None => response,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::routing::get;
    use serde_json::Value;
    use tower::ServiceExt;

    async fn panics() -> &'static str {
        panic!("secret cause")
    }

    async fn ask(request: axum::http::request::Builder) -> (u16, Value) {
        let router = Router::new().route("/panic", get(panics)).route("/fine", get(|| async { "\"fine\"" }));
        let response = close(router, TraceIds::new([1; 16]))
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), 100_000).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    #[test]
    fn every_rooms_description_knows_the_problem_document() {
        let openapi = serde_json::to_value(open::<()>().get_openapi()).unwrap();
        assert!(openapi["components"]["schemas"]["Problem"]["properties"]["trace_id"].is_object());
        assert!(openapi["components"]["schemas"]["FieldError"].is_object());
    }

    #[tokio::test]
    async fn unknown_paths_and_methods_are_problems() {
        let (status, body) = ask(Request::get("/nowhere?x=1")).await;
        assert_eq!(
            (status, body["code"].as_str(), body["instance"].as_str()),
            (404, Some("NOT_FOUND"), Some("/nowhere"))
        );
        let (status, body) = ask(Request::put("/fine")).await;
        assert_eq!((status, body["code"].as_str()), (405, Some("METHOD_NOT_ALLOWED")));
        assert_eq!(ask(Request::get("/fine")).await.0, 200);
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_problem_that_tells_nothing() {
        let (status, body) = ask(Request::get("/panic")).await;
        assert_eq!((status, body["code"].as_str()), (500, Some("INTERNAL")));
        assert!(!body.to_string().contains("secret"));
    }

    #[tokio::test]
    async fn the_callers_trace_is_kept() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let (_, body) = ask(Request::get("/nowhere").header("traceparent", parent)).await;
        assert_eq!(body["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
        let (_, body) = ask(Request::get("/nowhere")).await;
        assert_eq!(body["trace_id"].as_str().unwrap().len(), 32);
    }
}
