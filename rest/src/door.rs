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

mod refusal;
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::extract::DefaultBodyLimit;
    use axum::http::StatusCode;
    use axum::routing::get;
    use serde_json::Value;
    use tower::ServiceExt;

    async fn panics() -> &'static str {
        panic!("secret cause")
    }

    async fn ask(request: axum::http::request::Builder) -> (u16, Value) {
        send(request, Body::empty()).await
    }

    async fn send(request: axum::http::request::Builder, body: Body) -> (u16, Value) {
        let unready = || async { (StatusCode::SERVICE_UNAVAILABLE, axum::Json("draining")) };
        let router = Router::new()
            .route("/panic", get(panics))
            .route(
                "/fine",
                get(|| async { "\"fine\"" }).post(|text: String| async move { format!("\"{text}\"") }),
            )
            .route("/empty", get(|| async { StatusCode::NOT_FOUND }))
            .route("/fault", get(|| async { (StatusCode::INTERNAL_SERVER_ERROR, "secret cause") }))
            .route("/teapot", get(|| async { (StatusCode::IM_A_TEAPOT, "\"teapot\"") }))
            .route("/unready", get(unready))
            .layer(DefaultBodyLimit::max(100));
        let response =
            close(router, TraceIds::new([1; 16])).oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), 100_000).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    #[test]
    fn every_rooms_description_knows_the_problem_document() {
        let openapi = serde_json::to_value(open::<()>().get_openapi()).unwrap();
        assert!(openapi["components"]["schemas"]["Problem"]["properties"]["trace_id"].is_object());
        assert!(openapi["components"]["schemas"]["FieldError"].is_object());
        assert!(openapi["components"]["responses"]["Problem404"].is_object());
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
    async fn what_a_library_refuses_is_a_problem_too() {
        let (status, body) = send(Request::post("/fine"), Body::from(vec![0xff])).await;
        assert_eq!((status, body["code"].as_str()), (400, Some("INVALID_ARGUMENT")));
        assert!(body["detail"].as_str().unwrap().contains("UTF-8"), "{body}");
        assert_eq!(body["instance"], "/fine");
        let (status, body) = send(Request::post("/fine"), Body::from("x".repeat(101))).await;
        assert_eq!((status, body["code"].as_str()), (413, Some("TOO_LARGE")));
        let (status, body) = ask(Request::get("/empty")).await;
        assert_eq!((status, body["detail"].as_str()), (404, Some("no such resource")));
        let (status, body) = ask(Request::get("/fault")).await;
        assert_eq!((status, body["code"].as_str()), (500, Some("INTERNAL")));
        assert!(!body.to_string().contains("secret"));
    }

    #[tokio::test]
    async fn an_answer_of_our_own_stays_whatever_its_status() {
        assert_eq!(ask(Request::get("/unready")).await, (503, "draining".into()));
        assert_eq!(ask(Request::get("/teapot")).await, (418, "teapot".into()));
    }

    #[tokio::test]
    async fn a_read_in_a_format_the_client_does_not_take_is_refused() {
        let (status, body) = ask(Request::get("/fine").header("accept", "text/csv")).await;
        assert_eq!((status, body["code"].as_str()), (406, Some("NOT_ACCEPTABLE")));
        assert_eq!(body["detail"], "the answer is text/plain; charset=utf-8");
        assert_eq!(ask(Request::get("/fine").header("accept", "text/*;q=0.1")).await.0, 200);
        // A change is done by the time it is answered: to refuse the answer would say it was not.
        assert_eq!(send(Request::post("/fine").header("accept", "text/csv"), Body::from("x")).await.0, 200);
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
