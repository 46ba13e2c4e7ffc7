//! What the door answers itself.

use super::*;
use crate::testing::Stopwatch;
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
    let response = close(router, TraceIds::new([1; 16]), Arc::new(Stopwatch::default()))
        .oneshot(request.body(body).unwrap())
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
