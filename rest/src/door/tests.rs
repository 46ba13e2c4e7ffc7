//! What handlers and the door answer together.

use super::*;
use crate::testing::Stopwatch;
use crate::{Body as JsonBody, Client, Id, IdempotencyKey, NoParams, Params};
use axum::body::{Body, to_bytes};
use axum::http::request::Builder;
use axum::http::{HeaderMap, Method, Request};
use axum::routing::{get, post, put};
use domain::code::Code;
use serde::Deserialize;
use serde_json::{Value, json};
use tower::ServiceExt;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tenant {
    name: String,
}

#[derive(Deserialize)]
struct Asked {
    tenant: Option<String>,
}

fn house() -> Router {
    let limited = || async {
        let problem = Problem::new(Code::QuotaExceeded, "over").retry_after(7);
        ([("ratelimit", "\"default\";r=0;t=7"), ("ratelimit-policy", "\"default\";q=10;w=60")], problem)
    };
    let router = Router::new()
        .route(
            "/v1/tenants/{id}",
            put(|Id(id): Id, JsonBody(body): JsonBody<Tenant>| async move {
                axum::Json(json!({"id": id, "name": body.name}))
            })
            .delete(|Id(id): Id, _: NoParams| async move { axum::Json(json!({"id": id})) }),
        )
        .route(
            "/v1/tenants",
            get(|params: Params<Asked>, client: Client| async move {
                client.list(&json!({"items": [{"id": params.value.tenant}]}), &["id".to_owned()])
            }),
        )
        .route(
            "/v1/replay",
            post(|key: Option<IdempotencyKey>, JsonBody(body): JsonBody<Tenant>| async move {
                axum::Json(json!({"key": key.map(IdempotencyKey::into_text), "name": body.name}))
            }),
        )
        .route("/v1/limited", get(limited));
    close(router, TraceIds::new([1; 16]), Arc::new(Stopwatch::default()))
}

async fn send(request: Builder, body: &str) -> (u16, HeaderMap, Value) {
    let response = house().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, 100_000).await.unwrap();
    let value =
        serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8(bytes.to_vec()).unwrap().into());
    (parts.status.as_u16(), parts.headers, value)
}

fn json_request(method: Method, uri: &str) -> Builder {
    Request::builder().method(method).uri(uri).header("content-type", "application/json")
}

#[tokio::test]
async fn an_unknown_method_is_told_with_those_that_are_known() {
    for (method, uri, allowed) in [
        ("PATCH", "/v1/tenants/a", "PUT,DELETE"),
        ("TRACE", "/v1/tenants", "GET,HEAD"),
        ("QUERY", "/v1/replay", "POST"),
        ("POST", "/v1/limited", "GET,HEAD"),
    ] {
        let (status, headers, body) = send(Request::builder().method(method).uri(uri), "").await;
        assert_eq!((status, &body["code"]), (405, &json!("METHOD_NOT_ALLOWED")), "{method} {uri}");
        assert_eq!(headers["allow"], allowed, "{method} {uri}");
        assert_eq!(headers["content-type"], "application/problem+json");
        assert!(body["detail"].as_str().unwrap().contains(method), "{body}");
    }
}

#[tokio::test]
async fn what_was_said_beside_a_refusal_stays() {
    let (status, headers, body) = send(Request::get("/v1/limited"), "").await;
    assert_eq!((status, &body["code"], &body["retryable"]), (429, &json!("QUOTA_EXCEEDED"), &json!(true)));
    assert_eq!(headers["retry-after"], "7");
    assert_eq!(headers["ratelimit"], "\"default\";r=0;t=7");
    assert_eq!(headers["ratelimit-policy"], "\"default\";q=10;w=60");
    assert_eq!(headers.get_all("content-type").iter().count(), 1);
    let length: usize =
        headers.get("content-length").map_or(0, |text| text.to_str().unwrap().parse().unwrap());
    assert!(length == 0 || length == serde_json::to_vec(&body).unwrap().len(), "{length}");
}

#[tokio::test]
async fn changes_refuse_parameters_that_nobody_reads() {
    let body = r#"{"name": "Acme"}"#;
    for (method, uri) in
        [(Method::PUT, "/v1/tenants/a"), (Method::POST, "/v1/replay"), (Method::DELETE, "/v1/tenants/a")]
    {
        assert_eq!(send(json_request(method.clone(), uri), body).await.0, 200, "{method} {uri}");
        assert_eq!(
            send(json_request(method.clone(), &format!("{uri}?")), body).await.0,
            200,
            "{method} {uri}?"
        );
        let (status, _, answer) =
            send(json_request(method.clone(), &format!("{uri}?dry_run=true")), body).await;
        assert_eq!((status, &answer["errors"][0]["field"]), (400, &json!("dry_run")), "{method} {uri}");
        assert!(answer["detail"].as_str().unwrap().ends_with("known are none"), "{answer}");
    }
}

#[tokio::test]
async fn bodies_of_other_formats_and_hostile_ones_are_refused_by_name() {
    for (content_type, status) in [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("text/plain", 415),
        ("application/yaml", 415),
        ("application/json5", 415),
        ("", 415),
    ] {
        let request = Request::put("/v1/tenants/a").header("content-type", content_type);
        let (seen, _, body) = send(request, r#"{"name": "Acme"}"#).await;
        assert_eq!(seen, status, "{content_type}: {body}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let nested = format!("{{\"name\": {deep}}}");
    let wide = format!("{{{}}}", vec!["\"x\": 1"; 10_000].join(","));
    let digits = format!("{{\"name\": {}}}", "9".repeat(100_000));
    for hostile in
        [&*deep, &*nested, &*wide, &*digits, "{", "\u{0}", "{\"name\": \"\\ud800\"}", "{\"name\": 1e999999}"]
    {
        let (status, _, body) = send(json_request(Method::PUT, "/v1/tenants/a"), hostile).await;
        assert_eq!((status, &body["code"]), (400, &json!("INVALID_ARGUMENT")), "{}", &hostile[..1]);
        assert!(!body["errors"][0]["field"].as_str().unwrap().is_empty(), "{body}");
        assert!(body.to_string().len() < 2_000, "an answer does not grow with the request");
    }
}

#[tokio::test]
async fn a_format_nobody_makes_is_refused_and_a_table_is_made() {
    for (accept, status) in [
        ("application/json", 200),
        ("text/csv", 200),
        ("application/x-ndjson", 200),
        ("text/html, */*;q=0.1", 200),
        ("application/xml", 406),
        ("application/json;q=0", 406),
        ("application/json;q=0, */*", 200),
        ("application/json;q=0, text/csv;q=0, application/x-ndjson;q=0", 406),
    ] {
        let request = Request::get("/v1/tenants?tenant=a").header("accept", accept);
        let (seen, headers, body) = send(request, "").await;
        assert_eq!(seen, status, "{accept}: {body}");
        if status == 406 {
            assert_eq!((&body["code"], headers.get("etag")), (&json!("NOT_ACCEPTABLE"), None), "{accept}");
            let formats = "application/json, text/csv; charset=utf-8; header=present, application/x-ndjson";
            assert_eq!(body["detail"], format!("the answer is one of {formats}"), "{accept}");
        }
    }
}

#[tokio::test]
async fn a_key_of_the_client_reaches_the_handler_or_is_refused() {
    let body = r#"{"name": "Acme"}"#;
    let request = || json_request(Method::POST, "/v1/replay");
    assert_eq!(send(request(), body).await.2["key"], Value::Null);
    assert_eq!(send(request().header("idempotency-key", "k-1"), body).await.2["key"], "k-1");
    let (status, _, answer) = send(request().header("idempotency-key", "k 1"), body).await;
    assert_eq!((status, &answer["errors"][0]["field"]), (400, &json!("Idempotency-Key")));
}

#[tokio::test]
async fn every_refusal_names_the_path_and_a_trace() {
    for (request, path) in [
        (Request::get("/nowhere/x%20y?z=1"), "/nowhere/x%20y"),
        (Request::put("/v1/tenants/%FF").header("content-type", "application/json"), "/v1/tenants/%FF"),
        (Request::get("/v1/tenants?colour=red"), "/v1/tenants"),
    ] {
        let (status, _, body) = send(request, "{}").await;
        assert!((400..500).contains(&status), "{body}");
        assert_eq!((&body["instance"], &body["status"]), (&json!(path), &json!(status)));
        assert_eq!(body["trace_id"].as_str().unwrap().len(), 32);
        assert_eq!(body["type"], format!("/problems/{}", body["code"].as_str().unwrap()));
    }
}
