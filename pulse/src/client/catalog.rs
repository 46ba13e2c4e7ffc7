//! Catalogue documents on their way to a server.

pub mod yaml;

use super::rest::{Request, Rest};
use crate::exit::Failure;
use anyhow::Context;
use catalog::apply::{self, ApplyError, ApplyRequest, Kind};
use catalog::export::{Export, documents};
use reqwest::Method;
use serde_json::{Map, Value, json};

/// Reads a file's text as requests, in the order they are applied. `name` is the file's, for people.
pub fn read(name: &str, text: &str) -> Result<Vec<ApplyRequest>, Failure> {
    apply::requests(text)
        .map_err(|ApplyError { line, message }| Failure::usage(format!("{name}:{line}: {message}")))
}

/// Sends the requests one after the other, and returns what each document became.
pub async fn apply(rest: &Rest, name: &str, requests: &[ApplyRequest]) -> anyhow::Result<Vec<Value>> {
    let mut items = Vec::with_capacity(requests.len());
    for document in requests {
        let place = || format!("{name}:{}: {} {}", document.line, document.kind.name(), document.id);
        let answer = rest.send(&request(document)).await.with_context(place)?;
        items.push(json!({"kind": document.kind.name(), "id": document.id, "catalog_offset": answer.body["catalog_offset"]}));
    }
    Ok(items)
}

/// The whole catalogue of a server as documents.
pub async fn export(rest: &Rest) -> anyhow::Result<Export> {
    let mut items = Vec::new();
    for (kind, collection) in
        [(Kind::Unit, "units"), (Kind::Sku, "skus"), (Kind::Tenant, "tenants"), (Kind::Contract, "contracts")]
    {
        items.extend(list(rest, &[collection]).await?.into_iter().map(|item| (kind, item)));
    }
    for plan in list(rest, &["plans"]).await? {
        let id = plan["id"].as_str().context("a plan has an id")?;
        let versions = list(rest, &["plans", id, "versions"]).await?;
        items.extend(versions.into_iter().map(|item| (Kind::Plan, item)));
    }
    Ok(documents(items))
}

async fn list(rest: &Rest, path: &[&str]) -> anyhow::Result<Vec<Map<String, Value>>> {
    let mut page = rest.list(&Request::get(path)).await?;
    serde_json::from_value(page["items"].take()).context("a list is made of objects")
}

fn request(document: &ApplyRequest) -> Request {
    let method = if document.method == "POST" { Method::POST } else { Method::PUT };
    let path: Vec<&str> = document.path.iter().map(String::as_str).collect();
    Request::new(method, &path).with_body(Value::Object(document.body.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn a_document_becomes_the_request_that_makes_it_true() {
        let text = "kind: plan\nplan: llm\n---\nkind: sku\nid: llm/in\nunit: token\n";
        let requests: Vec<Request> = read("a.yaml", text).unwrap().iter().map(request).collect();
        let put = Request::new(Method::PUT, &["skus", "llm/in"]).with_body(json!({"unit": "token"}));
        let post =
            Request::new(Method::POST, &["plans", "llm", "versions"]).with_body(json!({"plan": "llm"}));
        assert_eq!(requests, [put, post]);
    }

    #[test]
    fn a_document_that_cannot_be_placed_is_named_by_its_line_in_the_file() {
        let failure = read("a.yaml", "kind: sku\nid: a\n---\nkind: planet\n").unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(
            failure.message.starts_with("a.yaml:4: kind must be one of unit, sku"),
            "{}",
            failure.message
        );
    }
}
