//! What the description promises: tables with a column for each field, and examples that are taken as they stand.

use super::*;
use std::collections::BTreeSet;

fn description(server: &Server) -> Value {
    let resources = crate::rest::routes(server.house.catalog.clone(), PageKey::new([1; 16]));
    serde_json::to_value(resources.get_openapi()).unwrap()
}

async fn table(server: &Server, path: &str) -> (Answer, String) {
    let request = Request::get(path).header("accept", "text/csv").body(Body::empty()).unwrap();
    let response = server.router.clone().oneshot(request).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (Answer { status, headers, body: Value::Null }, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn every_field_of_an_item_is_a_column_whether_there_are_items_or_not() {
    let (empty, begun) = (Server::empty().await, Server::begun().await);
    let schemas = description(&empty)["components"]["schemas"].take();
    for (path, schema) in [
        ("/v1/tenants", "TenantItem"),
        ("/v1/skus", "SkuItem"),
        ("/v1/units", "UnitItem"),
        ("/v1/contracts", "ContractItem"),
        ("/v1/plans", "PlanItem"),
        ("/v1/plans/llm/versions", "PlanVersionItem"),
    ] {
        let (answer, text) = table(&begun, path).await;
        assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8; header=present", "{path}");
        let head = text.lines().next().unwrap();
        let columns: BTreeSet<&str> = head.split(',').collect();
        let fields = schemas[schema]["properties"].as_object().unwrap();
        assert_eq!(columns, fields.keys().map(String::as_str).collect(), "{path}");
        let (answer, text) = table(&empty, path).await;
        if answer.status == 200 {
            assert_eq!(text.lines().next(), Some(head), "{path} is empty");
        }
    }
}

#[tokio::test]
async fn a_table_says_in_headers_what_stands_beside_the_items() {
    let server = Server::begun().await;
    server.put("/v1/tenants/globex", None, json!({"name": "Globex, Inc."})).await;
    let (answer, text) = table(&server, "/v1/tenants?page_size=1").await;
    assert_eq!(text, "id,name,status,catalog_offset\r\nacme,acme,active,3\r\n");
    assert_eq!((answer.header("pulse-catalog-offset"), answer.header("vary")), ("6", "accept"));
    let next = answer.header("link").split_once("page_token=").unwrap().1.split_once('>').unwrap().0;
    let (_, text) = table(&server, &format!("/v1/tenants?page_size=1&page_token={next}")).await;
    assert_eq!(text, "id,name,status,catalog_offset\r\nglobex,\"Globex, Inc.\",active,6\r\n");
}

#[tokio::test]
async fn who_has_a_list_is_not_sent_it_again() {
    let server = Server::begun().await;
    let tag = server.get("/v1/tenants").await.header("etag").to_owned();
    let again = async |tag: &str| {
        let request = Request::get("/v1/tenants").header("if-none-match", tag);
        server.send(request.body(Body::empty()).unwrap()).await.status
    };
    assert_eq!([again(&tag).await, again("*").await], [304, 304]);
    server.put("/v1/tenants/globex", None, json!({"name": "Globex"})).await;
    assert_eq!(again(&tag).await, 200);
}

#[tokio::test]
async fn the_examples_of_a_plan_are_published_as_they_stand() {
    let server = Server::begun().await;
    for (sku, unit, dimensions) in
        [("llm.input", "token", &["region"][..]), ("disk", "GB", &[]), ("api.calls", "api_call", &[])]
    {
        let body = json!({"unit": unit, "dimensions": dimensions});
        let answer = server.put(&format!("/v1/skus/{sku}"), None, body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let described = description(&server)["paths"]["/v1/plans/{id}/versions"]["post"].take();
    let content = &described["requestBody"]["content"];
    let yaml = server.publish(None, content["application/yaml"]["example"].as_str().unwrap()).await;
    assert_eq!(yaml.status, 201, "{}", yaml.body);
    let json = server.publish(None, &content["application/json"]["example"].to_string()).await;
    assert_eq!(json.status, 200, "both say the same: {}", json.body);
    let shown = &described["responses"]["201"]["content"]["application/json"]["example"];
    assert_eq!(shown["document"], json.body["document"]);
}
