//! Changes over HTTP: conditions, keys, and everything that is refused.

use super::*;

fn contract_body(change: impl FnOnce(&mut Value)) -> Value {
    let mut body = json!({"tenant": "acme", "plan": "llm", "start_time": "2026-01-01T00:00:00Z"});
    change(&mut body);
    body
}

async fn send(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn every_field_that_breaks_its_rule_is_named() {
    let server = Server::begun().await;
    let long = "x".repeat(257);
    let tenants: &[(Value, &str)] = &[
        (json!({}), "name"),
        (json!({"name": 7}), "name"),
        (json!({"name": null}), "name"),
        (json!({"name": long}), "name"),
        (json!({"name": "a\u{0}b"}), "name"),
        (json!({"name": "x", "status": "closed"}), "status"),
        (json!({"name": "x", "id": "y"}), "id"),
        (json!({"name": "x", "catalog_offset": "7"}), "catalog_offset"),
    ];
    let skus: &[(Value, &str)] = &[
        (json!({}), "unit"),
        (json!({"unit": ""}), "unit"),
        (json!({"unit": "furlong"}), "unit"),
        (json!({"unit": "GB.furlong"}), "unit"),
        (json!({"unit": "GB", "description": long}), "description"),
        (json!({"unit": "GB", "service_category": "\u{7}"}), "service_category"),
        (json!({"unit": "GB", "dimensions": "zone"}), "dimensions"),
        (json!({"unit": "GB", "dimensions": [1]}), "dimensions[0]"),
        (json!({"unit": "GB", "dimensions": ["a", "b", "c", "d"]}), "dimensions"),
        (json!({"unit": "GB", "dimensions": ["a", "a"]}), "dimensions"),
        (json!({"unit": "GB", "dimensions": ["9"]}), "dimensions"),
        (json!({"unit": "GB", "aggregation": "max"}), "aggregation"),
    ];
    let units: &[(Value, &str)] = &[
        (json!({"factor": "1"}), "dimension"),
        (json!({"dimension": "data"}), "factor"),
        (json!({"dimension": "data", "factor": 1024}), "factor"),
        (json!({"dimension": "data", "factor": "0"}), "factor"),
        (json!({"dimension": "data", "factor": "1/0"}), "factor"),
        (json!({"dimension": "data", "factor": "-1"}), "factor"),
        (json!({"dimension": "data", "factor": "1e3"}), "factor"),
        (json!({"dimension": "Data", "factor": "1"}), "dimension"),
        (json!({"dimension": "data..time", "factor": "1"}), "dimension"),
        (json!({"dimension": "data", "factor": "1", "built_in": true}), "built_in"),
    ];
    for (path, table) in [("/v1/tenants/x", tenants), ("/v1/skus/x", skus), ("/v1/units/x", units)] {
        for (body, field) in table {
            let answer = server.put(path, None, body.clone()).await;
            let told = (answer.status, answer.body["errors"][0]["field"].as_str());
            assert_eq!(told, (400, Some(*field)), "{path} {body}: {}", answer.body);
            assert_eq!(answer.body["retryable"], false);
        }
    }
    assert_eq!(server.house.catalog.state().offset(), 5, "nothing refused is appended");
}

#[tokio::test]
async fn every_field_of_a_contract_that_breaks_its_rule_is_named() {
    let server = Server::begun().await;
    let table: &[(&str, Value, &str)] = &[
        ("tenant", json!("nobody"), "tenant"),
        ("tenant", json!(""), "tenant"),
        ("tenant", json!(null), "tenant"),
        ("plan", json!("none"), "plan"),
        ("plan", json!("l m"), "plan"),
        ("plan_version", json!(0), "plan_version"),
        ("plan_version", json!(2), "plan_version"),
        ("plan_version", json!("1"), "plan_version"),
        ("plan_version", json!(-1), "plan_version"),
        ("plan_version", json!(4_294_967_296_u64), "plan_version"),
        ("start_time", json!("2026-01-01"), "start_time"),
        ("start_time", json!("2026-01-01T00:00:01Z"), "start_time"),
        ("start_time", json!(1_767_225_600), "start_time"),
        ("end_time", json!("2026-01-01T00:00:00Z"), "end_time"),
        ("end_time", json!("2025-01-01T00:00:00Z"), "end_time"),
        ("end_time", json!("2026-02-01T00:14:00Z"), "end_time"),
        ("time_zone", json!("Mars/Olympus"), "time_zone"),
        ("time_zone", json!(""), "time_zone"),
        ("currency", json!("USD"), "currency"),
    ];
    for (name, value, field) in table {
        let body = contract_body(|body| body[name] = value.clone());
        let answer = server.put("/v1/contracts/c", None, body).await;
        let told = (answer.status, answer.body["errors"][0]["field"].as_str());
        assert_eq!(told, (400, Some(*field)), "{name} {value}: {}", answer.body);
    }
    for absent in ["tenant", "plan", "start_time"] {
        let body = contract_body(|body| drop(body.as_object_mut().unwrap().remove(absent)));
        let answer = server.put("/v1/contracts/c", None, body).await;
        assert_eq!(answer.body["detail"].as_str(), Some(format!("{absent} is required").as_str()));
    }
}

#[tokio::test]
async fn ids_are_refused_before_anything_else_is_asked() {
    let server = Server::begun().await;
    let long = "x".repeat(65);
    for (path, field) in [
        ("/v1/tenants/%00", "tenant"),
        (&*format!("/v1/tenants/{}", "x".repeat(129)), "tenant"),
        ("/v1/skus/a%20b", "sku"),
        (&*format!("/v1/skus/{long}"), "sku"),
        ("/v1/units/.a", "unit"),
        ("/v1/contracts/%C3%BC", "contract"),
        (&*format!("/v1/contracts/{long}"), "contract"),
    ] {
        for answer in
            [server.put(path, None, json!({})).await, server.get(path).await, server.delete(path).await]
        {
            // A body is read before its resource is looked for; both are refused.
            assert_eq!(answer.status, 400, "{path}: {}", answer.body);
        }
        assert_eq!(server.get(path).await.body["errors"][0]["field"], field, "{path}");
        assert_eq!(server.delete(path).await.body["errors"][0]["field"], field, "{path}");
    }
}

#[tokio::test]
async fn bodies_of_other_formats_and_broken_ones_are_refused() {
    let server = Server::begun().await;
    for (body, said) in [
        ("", "body must be a JSON object"),
        ("[]", "body must be a JSON object"),
        ("{", "EOF"),
        (r#"{"name": "x"} x"#, "trailing"),
        (r#"{"name": "x", "name": "y"}"#, "duplicate field `name`"),
    ] {
        let answer = send(&server, "PUT", "/v1/tenants/x", &[JSON], body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.body["detail"].as_str().unwrap().contains(said), "{body}: {}", answer.body);
    }
    let answer = send(&server, "PUT", "/v1/tenants/x", &[("content-type", "text/plain")], "{}").await;
    assert_eq!(answer.code(), (415, "UNSUPPORTED_MEDIA_TYPE"));
    for (method, path) in [
        ("POST", "/v1/tenants/x"),
        ("PATCH", "/v1/skus/x"),
        ("DELETE", "/v1/plans/llm"),
        ("PUT", "/v1/plans/llm"),
    ] {
        let answer = send(&server, method, path, &[JSON], "{}").await;
        assert_eq!(answer.code(), (405, "METHOD_NOT_ALLOWED"), "{method} {path}");
    }
}

#[tokio::test]
async fn changes_take_no_parameters() {
    let server = Server::begun().await;
    let body = json!({"name": "x"}).to_string();
    for (method, path) in [
        ("PUT", "/v1/tenants/x?dry_run=true"),
        ("DELETE", "/v1/tenants/acme?force=1"),
        ("PUT", "/v1/skus/x?as_of=2026-01-01T00:00:00Z"),
        ("DELETE", "/v1/skus/llm.input?x"),
        ("PUT", "/v1/units/x?a=b"),
        ("DELETE", "/v1/contracts/c?a=b"),
        ("POST", "/v1/plans/llm/versions?dry_run=1"),
    ] {
        let answer = send(&server, method, path, &[JSON], &body).await;
        assert_eq!(answer.code(), (400, "INVALID_ARGUMENT"), "{method} {path}: {}", answer.body);
        let field = answer.body["errors"][0]["field"].as_str().unwrap();
        assert!(path.contains(&format!("?{field}")), "{path}: {field}");
    }
    assert_eq!(server.house.catalog.state().offset(), 5);
}

#[tokio::test]
async fn a_condition_holds_of_what_is_there_now() {
    let server = Server::begun().await;
    let body = |name: &str| json!({"name": name}).to_string();
    for (method, path, condition, status, code) in [
        ("PUT", "/v1/tenants/nobody", "*", 412, "REVISION_MISMATCH"),
        ("PUT", "/v1/tenants/nobody", "\"0\"", 412, "REVISION_MISMATCH"),
        ("PUT", "/v1/tenants/acme", "\"3\"", 412, "REVISION_MISMATCH"),
        ("DELETE", "/v1/tenants/acme", "\"3\"", 412, "REVISION_MISMATCH"),
        ("DELETE", "/v1/tenants/nobody", "*", 412, "REVISION_MISMATCH"),
        ("DELETE", "/v1/skus/none", "\"1\"", 412, "REVISION_MISMATCH"),
        ("DELETE", "/v1/contracts/none", "*", 412, "REVISION_MISMATCH"),
        ("PUT", "/v1/tenants/acme", "W/\"2\"", 400, "INVALID_ARGUMENT"),
        ("PUT", "/v1/tenants/acme", "2", 400, "INVALID_ARGUMENT"),
        ("PUT", "/v1/tenants/acme", "\"2\", \"3\"", 400, "INVALID_ARGUMENT"),
        ("PUT", "/v1/tenants/acme", "\"two\"", 400, "INVALID_ARGUMENT"),
    ] {
        let answer = send(&server, method, path, &[JSON, ("if-match", condition)], &body("x")).await;
        assert_eq!(answer.code(), (status, code), "{method} {path} {condition}");
        assert_eq!(answer.body["errors"][0]["field"], "If-Match", "{method} {path} {condition}");
    }
    let put = send(&server, "PUT", "/v1/tenants/acme", &[JSON, ("if-match", "*")], &body("One")).await;
    assert_eq!((put.status, put.header("etag")), (200, "\"5\""));
    let deleted = send(&server, "DELETE", "/v1/tenants/acme", &[("if-match", "\"5\"")], "").await;
    assert_eq!((deleted.status, deleted.header("etag")), (200, "\"6\""));
    assert_eq!(deleted.body, json!({"id": "acme", "catalog_offset": "7"}));
    let gone = send(&server, "PUT", "/v1/tenants/acme", &[JSON, ("if-match", "*")], &body("Two")).await;
    assert_eq!(gone.status, 412, "what is deleted does not exist");
}

#[tokio::test]
async fn a_key_makes_any_change_safe_to_repeat() {
    let server = Server::begun().await;
    let key = ("idempotency-key", "k-1");
    let put = async |name: &str| {
        send(&server, "PUT", "/v1/tenants/globex", &[JSON, key], &json!({"name": name}).to_string()).await
    };
    let first = put("One").await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (200, ""));
    // Somebody else changes it in between: the repetition still answers as the first did.
    server.put("/v1/tenants/globex", None, json!({"name": "Two"})).await;
    let again = put("One").await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"));
    assert_eq!((&again.body, again.header("etag")), (&first.body, first.header("etag")));
    assert_eq!(server.get("/v1/tenants/globex").await.body["name"], "Two");
    assert_eq!(put("Three").await.code(), (422, "IDEMPOTENCY_KEY_REUSED"));
    let other = send(&server, "DELETE", "/v1/tenants/globex", &[key], "").await;
    assert_eq!(other.code(), (422, "IDEMPOTENCY_KEY_REUSED"));
    let delete = ("idempotency-key", "k-2");
    let gone = send(&server, "DELETE", "/v1/tenants/globex", &[delete], "").await;
    let again = send(&server, "DELETE", "/v1/tenants/globex", &[delete], "").await;
    assert_eq!((gone.status, again.status, &again.body), (200, 200, &gone.body));
    assert_eq!(again.header("idempotent-replayed"), "true");
    for bad in ["", "a b", &*"x".repeat(256)] {
        let answer = send(&server, "DELETE", "/v1/tenants/acme", &[("idempotency-key", bad)], "").await;
        assert_eq!(
            (answer.status, answer.body["errors"][0]["field"].as_str()),
            (400, Some("Idempotency-Key"))
        );
    }
}

#[tokio::test]
async fn a_key_is_remembered_also_where_nothing_changed() {
    let server = Server::begun().await;
    let unchanged = server.publish(Some("k"), PLAN).await;
    assert_eq!((unchanged.status, unchanged.header("idempotent-replayed")), (200, ""));
    assert_eq!(unchanged.body["version"], 1);
    let again = server.publish(Some("k"), PLAN).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"));
    assert_eq!(again.body, unchanged.body);
    let other = server.publish(Some("k"), &PLAN.replace("0.50", "0.51")).await;
    assert_eq!(other.code(), (422, "IDEMPOTENCY_KEY_REUSED"));
    let new = server.publish(Some("k-2"), &PLAN.replace("0.50", "0.52")).await;
    let new_again = server.publish(Some("k-2"), &PLAN.replace("0.50", "0.520")).await;
    assert_eq!((new.status, new_again.status), (201, 201), "the status is that of the first answer");
    assert_eq!(new_again.header("idempotent-replayed"), "true");
    server.house.clock.advance(86_400);
    let later = server.publish(Some("k"), &PLAN.replace("0.50", "0.53")).await;
    assert_eq!(later.status, 201, "after 24 hours the key is free again");
}

#[tokio::test]
async fn documents_come_as_json_or_yaml_and_as_nothing_else() {
    let server = Server::begun().await;
    for (content_type, status) in [
        ("application/json", 200),
        ("application/yaml", 200),
        ("application/x-yaml; charset=utf-8", 200),
        ("TEXT/YAML", 200),
        ("text/plain", 415),
        ("application/jsonl", 415),
        ("", 415),
    ] {
        let headers = [("content-type", content_type)];
        let answer = send(&server, "POST", "/v1/plans/llm/versions", &headers, PLAN).await;
        assert_eq!(answer.status, status, "{content_type}: {}", answer.body);
    }
    let bytes = Request::post("/v1/plans/llm/versions").header("content-type", "application/json");
    let answer = server.send(bytes.body(Body::from(vec![b'{', 0xff])).unwrap()).await;
    assert_eq!((answer.status, answer.body["errors"][0]["field"].as_str()), (400, Some("body")));
    let other = send(&server, "POST", "/v1/plans/other/versions", &[JSON], PLAN).await;
    assert_eq!((other.status, other.body["errors"][0]["field"].as_str()), (400, Some("plan")));
}

#[tokio::test]
async fn all_faults_of_a_document_are_told_with_their_places() {
    let server = Server::begun().await;
    let yaml = "plan: llm\ncurrency: XYZ\neffective_time: 2026-01-01T00:07:00Z\nprices:\n  - {id: a, sku: llm.input, unit: token, model: per_unit}\n";
    let answer = server.publish(None, yaml).await;
    let told: Vec<(&str, bool)> = answer.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            (error["field"].as_str().unwrap(), error["message"].as_str().unwrap().starts_with("line "))
        })
        .collect();
    assert_eq!(told, [("currency", true), ("effective_time", true), ("prices[0].price", true)]);
    for (document, field) in [
        ("plan: [", "document"),
        ("plan: llm\nplan: llm\n", "plan"),
        ("plan: llm\ncolour: red\n", "colour"),
        ("", "plan"),
    ] {
        let answer = server.publish(None, document).await;
        assert_eq!(
            (answer.status, answer.body["errors"][0]["field"].as_str()),
            (400, Some(field)),
            "{document}"
        );
    }
}

#[tokio::test]
async fn what_is_in_use_stays() {
    let server = Server::begun().await;
    server.put("/v1/units/page", None, json!({"dimension": "data", "factor": "4096"})).await;
    server.put("/v1/skus/scan", None, json!({"unit": "page.h"})).await;
    server.put("/v1/contracts/c", None, contract_body(|_| ())).await;
    for (path, user) in [
        ("/v1/units/page", "SKU scan"),
        ("/v1/skus/llm.input", "plan llm"),
        ("/v1/tenants/acme", "contract c"),
    ] {
        let answer = server.delete(path).await;
        assert_eq!(answer.code(), (409, "IN_USE"), "{path}");
        assert!(answer.body["detail"].as_str().unwrap().contains(user), "{path}: {}", answer.body);
    }
    for path in ["/v1/skus/scan", "/v1/units/page", "/v1/contracts/c", "/v1/tenants/acme"] {
        assert_eq!(server.delete(path).await.status, 200, "{path}");
        assert_eq!(server.delete(path).await.code(), (404, "NOT_FOUND"), "{path}");
    }
}

#[tokio::test]
async fn a_log_that_cannot_be_written_is_told_as_it_is() {
    use backends::memory::AppendFault;
    let server = Server::begun().await;
    let put = async || server.put("/v1/tenants/globex", None, json!({"name": "x"})).await;
    for (fault, code) in
        [(AppendFault::Overloaded, "OVERLOADED"), (AppendFault::UnknownNotStored, "UNAVAILABLE")]
    {
        server.house.log.script_appends([Some(fault)]);
        let answer = put().await;
        assert_eq!((answer.code(), answer.header("retry-after")), ((503, code), "1"));
        assert_eq!(answer.body["retryable"], true);
    }
    server.house.log.script_appends([Some(AppendFault::UnknownStored)]);
    assert_eq!(put().await.code(), (503, "UNAVAILABLE"));
    // It was stored: the same request again finds it done.
    let again = put().await;
    assert_eq!((again.status, again.header("etag")), (200, "\"5\""));
}

#[tokio::test]
async fn the_description_names_every_operation_and_explains_every_tag() {
    let house = House::empty().await;
    let (_, openapi) = crate::routes(house.catalog.clone(), PageKey::new([1; 16])).split_for_parts();
    let openapi = serde_json::to_value(openapi).unwrap();
    let tags: Vec<&str> = openapi["tags"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|tag| tag["description"].as_str().is_some_and(|text| !text.is_empty()))
        .map(|tag| tag["name"].as_str().unwrap())
        .collect();
    let mut operations = Vec::new();
    for (path, methods) in openapi["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let tag = operation["tags"][0].as_str().unwrap();
            assert!(tags.contains(&tag), "{method} {path}: {tag} is not explained");
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{method} {path}");
            operations.push(operation["operationId"].as_str().unwrap().to_owned());
        }
    }
    operations.sort();
    let expected = [
        "deleteContract",
        "deleteSku",
        "deleteTenant",
        "deleteUnit",
        "getContract",
        "getPlan",
        "getPlanVersion",
        "getSku",
        "getTenant",
        "getUnit",
        "listContracts",
        "listPlanVersions",
        "listPlans",
        "listSkus",
        "listTenants",
        "listUnits",
        "publishPlanVersion",
        "putContract",
        "putSku",
        "putTenant",
        "putUnit",
    ];
    assert_eq!(operations, expected);
}
