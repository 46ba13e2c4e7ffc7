//! The resources over HTTP: what is asked, what is answered, and with which code.

mod changes;
mod described;
mod reads;

use crate::fixture::{House, NOW, PLAN, at};
use ::rest::door::{self, TraceIds};
use ::rest::page::PageKey;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use domain::port::Log;
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt;

struct Server {
    house: House,
    router: Router,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn code(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }
}

impl Server {
    async fn empty() -> Self {
        Self::over(House::empty().await)
    }

    async fn begun() -> Self {
        Self::over(House::begun().await)
    }

    fn over(house: House) -> Self {
        let resources = super::routes(house.catalog.clone(), PageKey::new([1; 16]));
        let clock = Arc::clone(&house.clock);
        let router = door::close(resources.split_for_parts().0, TraceIds::new([2; 16]), clock);
        Self { house, router }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn put(&self, path: &str, if_match: Option<&str>, body: Value) -> Answer {
        let mut request = Request::put(path).header("content-type", "application/json");
        if let Some(tag) = if_match {
            request = request.header("if-match", tag);
        }
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.send(Request::delete(path).body(Body::empty()).unwrap()).await
    }

    async fn publish(&self, key: Option<&str>, document: &str) -> Answer {
        let mut request = Request::post("/v1/plans/llm/versions").header("content-type", "application/yaml");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.send(request.body(Body::from(document.to_owned())).unwrap()).await
    }
}

#[tokio::test]
async fn what_is_put_is_read_under_its_revision() {
    let server = Server::empty().await;
    let body = json!({"name": "Acme", "status": "active"});
    let put = server.put("/v1/tenants/acme%20ltd", None, body.clone()).await;
    let shown = json!({"id": "acme ltd", "name": "Acme", "status": "active", "catalog_offset": "3"});
    assert_eq!((put.status, put.header("etag"), &put.body), (200, "\"2\"", &shown));
    let read = server.get("/v1/tenants/acme%20ltd?catalog_offset=3").await;
    assert_eq!((read.status, read.header("etag"), &read.body), (200, "\"2\"", &shown));
    let again = server.put("/v1/tenants/acme%20ltd", Some("\"2\""), body).await;
    assert_eq!((again.status, again.header("etag")), (200, "\"2\""));
    let known = Request::get("/v1/tenants/acme%20ltd").header("if-none-match", "\"2\"");
    assert_eq!(server.send(known.body(Body::empty()).unwrap()).await.status, 304);
}

#[tokio::test]
async fn a_change_of_another_revision_is_refused() {
    let server = Server::begun().await;
    let body = |name: &str| json!({"name": name});
    assert_eq!(server.put("/v1/tenants/acme", Some("\"2\""), body("One")).await.status, 200);
    assert_eq!(
        server.put("/v1/tenants/acme", Some("\"2\""), body("Two")).await.code(),
        (412, "REVISION_MISMATCH")
    );
    assert_eq!(server.put("/v1/tenants/acme", Some("*"), body("Two")).await.status, 200);
    assert_eq!(
        server.put("/v1/tenants/nobody", Some("*"), body("Two")).await.code(),
        (412, "REVISION_MISMATCH")
    );
    assert_eq!(
        server.put("/v1/tenants/acme", Some("2"), body("Two")).await.code(),
        (400, "INVALID_ARGUMENT")
    );
}

#[tokio::test]
async fn bad_bodies_are_refused_by_field() {
    let server = Server::begun().await;
    let contract = |change: fn(&mut Value)| {
        let mut body = json!({"tenant": "acme", "plan": "llm", "start_time": "2026-01-01T00:00:00Z"});
        change(&mut body);
        body
    };
    for (path, body, field) in [
        ("/v1/tenants/a", json!({"name": "x", "colour": "red"}), "colour"),
        ("/v1/skus/a", json!({"unit": "furlong"}), "unit"),
        ("/v1/skus/a", json!({"unit": "GB", "dimensions": ["A"]}), "dimensions"),
        ("/v1/units/page", json!({"dimension": "data", "factor": "1.5"}), "factor"),
        ("/v1/units/GB", json!({"dimension": "data", "factor": "1"}), "unit"),
        ("/v1/contracts/c", contract(|body| body["tenant"] = json!("nobody")), "tenant"),
        (
            "/v1/contracts/c",
            contract(|body| body["start_time"] = json!("2026-01-01T00:01:00Z")),
            "start_time",
        ),
        ("/v1/contracts/c", contract(|body| body["time_zone"] = json!("Mars/Olympus")), "time_zone"),
        ("/v1/contracts/c%20", contract(|_| ()), "contract"),
    ] {
        let answer = server.put(path, None, body).await;
        assert_eq!((answer.status, answer.body["errors"][0]["field"].as_str()), (400, Some(field)), "{path}");
    }
    assert_eq!(
        server.put("/v1/contracts/c", None, contract(|body| body["time_zone"] = json!("X"))).await.code().1,
        "INVALID_TIME_ZONE"
    );
}

#[tokio::test]
async fn every_kind_is_put_listed_read_and_deleted() {
    let server = Server::begun().await;
    for (kind, body) in [
        ("tenants", json!({"name": "B", "status": "suspended"})),
        (
            "skus",
            json!({"unit": "GB.h", "description": "Disk", "service_category": "Storage", "dimensions": ["zone"], "aggregation": "sum"}),
        ),
        ("units", json!({"dimension": "data", "factor": "4096"})),
        (
            "contracts",
            json!({"tenant": "acme", "plan": "llm", "plan_version": 1, "start_time": "2026-01-01T00:00:00Z", "end_time": "2026-02-01T00:00:00Z", "time_zone": "Asia/Kolkata"}),
        ),
    ] {
        let path = format!("/v1/{kind}/x1");
        let put = server.put(&path, None, body.clone()).await;
        let read = server.get(&path).await;
        assert_eq!((put.status, &put.body), (200, &read.body), "{kind}");
        for (field, value) in body.as_object().unwrap() {
            assert_eq!(&read.body[field], value, "{kind} {field}");
        }
        let list = server.get(&format!("/v1/{kind}")).await;
        let ids: Vec<_> =
            list.body["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect();
        assert!(ids.contains(&json!("x1")), "{kind}: {ids:?}");
        let deleted = server.delete(&path).await;
        assert_eq!((deleted.status, deleted.body["id"].as_str()), (200, Some("x1")), "{kind}");
        assert_eq!(server.get(&path).await.code(), (404, "NOT_FOUND"), "{kind}");
        assert_eq!(server.delete(&path).await.code(), (404, "NOT_FOUND"), "{kind}");
    }
    assert_eq!(server.delete("/v1/skus/llm.input").await.code(), (409, "IN_USE"));
}

#[tokio::test]
async fn lists_are_cut_into_pages_that_go_on_where_they_ended() {
    let server = Server::empty().await;
    for name in ["c", "a", "b"] {
        server.put(&format!("/v1/tenants/{name}"), None, json!({"name": name})).await;
    }
    let first = server.get("/v1/tenants?page_size=2").await;
    let ids = |answer: &Answer| -> Vec<String> {
        answer.body["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        (ids(&first), first.body["meta"]["catalog_offset"].as_str()),
        (vec!["a".into(), "b".into()], Some("5"))
    );
    let token = first.body["next_page_token"].as_str().unwrap();
    let second = server.get(&format!("/v1/tenants?page_size=2&page_token={token}")).await;
    assert_eq!((ids(&second), &second.body["next_page_token"]), (vec!["c".into()], &Value::Null));
    let stolen = server.get(&format!("/v1/skus?page_token={token}")).await;
    assert_eq!(stolen.code(), (400, "INVALID_PAGE_TOKEN"));
}

#[tokio::test]
async fn plan_versions_are_published_once_and_read_for_ever() {
    let server = Server::begun().await;
    let dearer = PLAN.replace("0.50", "0.70");
    let second = server.publish(Some("k-1"), &dearer).await;
    assert_eq!(
        (second.status, second.body["version"].as_u64(), second.header("etag")),
        (201, Some(2), "\"5\"")
    );
    let replayed = server.publish(Some("k-1"), &dearer).await;
    assert_eq!((replayed.status, replayed.header("idempotent-replayed")), (201, "true"));
    assert_eq!(replayed.body, second.body);
    assert_eq!(server.publish(Some("k-1"), PLAN).await.code(), (422, "IDEMPOTENCY_KEY_REUSED"));
    let first = server.publish(None, PLAN).await;
    assert_eq!((first.status, first.body["version"].as_u64()), (200, Some(1)));
    let read = server.get("/v1/plans/llm/versions/2").await;
    assert_eq!(read.body["document"]["prices"][0]["price"], "0.7");
    assert!(read.header("cache-control").contains("immutable"));
    assert_eq!(read.body, second.body);
    let versions = server.get("/v1/plans/llm/versions").await;
    assert_eq!(versions.body["items"].as_array().unwrap().len(), 2);
    assert_eq!(server.get("/v1/plans").await.body["items"][0]["newest_version"], 2);
    assert_eq!(server.get("/v1/plans/llm/versions/3").await.code(), (404, "NOT_FOUND"));
    assert_eq!(server.get("/v1/plans/llm/versions/x").await.code(), (400, "INVALID_ARGUMENT"));
}

#[tokio::test]
async fn faults_of_a_document_are_named_by_field_and_line() {
    let server = Server::begun().await;
    let yaml = "plan: llm\ncurrency: USD\neffective_time: 2026-01-01T00:00:00Z\nprices:\n  - id: a\n    sku: unknown\n    unit: token\n    model: per_unit\n    price: '1'\n";
    let answer = server.publish(None, yaml).await;
    assert_eq!(answer.code(), (400, "INVALID_ARGUMENT"));
    assert_eq!(answer.body["errors"][0]["field"], "prices[0].sku");
    assert!(answer.body["errors"][0]["message"].as_str().unwrap().starts_with("line 6, "), "{}", answer.body);
    let yaml = || Request::post("/v1/plans/llm/versions").header("content-type", "application/yaml");
    let huge = "#".repeat(3 << 20);
    assert_eq!(server.send(yaml().body(Body::from(huge)).unwrap()).await.code(), (413, "TOO_LARGE"));
    let bytes = yaml().body(Body::from(&b"\xff"[..])).unwrap();
    assert_eq!(server.send(bytes).await.code(), (400, "INVALID_ARGUMENT"));
    let request = Request::post("/v1/plans/llm/versions").header("content-type", "text/html");
    assert_eq!(server.send(request.body(Body::from(PLAN)).unwrap()).await.status, 415);
}

#[tokio::test]
async fn an_offset_that_is_not_reached_is_waited_for_only_so_long() {
    let server = Server::begun().await;
    assert_eq!(server.get("/v1/tenants?catalog_offset=99").await.code(), (400, "INVALID_ARGUMENT"));
}

#[tokio::test]
async fn what_is_put_again_unchanged_appends_nothing() {
    let server = Server::begun().await;
    let end = server.house.catalog.state().offset();
    let put = server.put("/v1/tenants/acme", None, json!({"name": "acme"})).await;
    assert_eq!((put.status, put.header("etag")), (200, "\"2\""));
    assert_eq!(server.publish(None, PLAN).await.status, 200);
    assert_eq!(server.house.log.watermarks(&crate::view::partition()).await.unwrap().high, end);
    assert_eq!(server.get("/v1/plans/llm/versions/1").await.body["published_time"], at(NOW).to_string());
}

/// Answers that repeat a body which takes no other fields could never be valid.
#[tokio::test]
async fn the_description_of_every_answer_can_be_met() {
    let house = House::empty().await;
    let routes = super::routes(house.catalog.clone(), PageKey::new([1; 16]));
    let openapi = serde_json::to_value(routes.into_openapi()).unwrap();
    let schemas = openapi["components"]["schemas"].as_object().unwrap();
    assert!(schemas.contains_key("TenantItem") && schemas.contains_key("PlanVersionItem"));
    assert!(schemas.values().all(|schema| schema.get("allOf").is_none()));
}
