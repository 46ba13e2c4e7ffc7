//! `pulse catalog apply FILE`: documents into the catalogue.

use super::Context;
use crate::client::rest::{Request, Rest};
use crate::exit::{Exit, Failure};
use crate::output::Listing;
use anyhow::Context as _;
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// Kinds of document, in the order they are applied: each may name those before it.
const KINDS: [&str; 5] = ["unit", "sku", "tenant", "plan", "contract"];

/// Read or change the catalogue.
#[derive(Debug, Subcommand)]
pub enum Catalog {
    /// Put the documents of a file (YAML or JSON) into the catalogue; unchanged ones append nothing
    Apply {
        /// Documents with `kind: unit|sku|tenant|plan|contract`, `id` and the REST body
        file: PathBuf,
    },
}

impl Catalog {
    /// Applies the file, and prints what each document became.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let Self::Apply { file } = self;
        let documents = read(&file)?;
        let rest = Rest::new(context.find_server()?);
        let mut items = Vec::new();
        for document in &documents {
            let answer = rest
                .send(&document.request())
                .await
                .with_context(|| format!("{} {}", document.kind, document.id))?;
            items.push(json!({"kind": document.kind, "id": document.id, "catalog_offset": answer.body["catalog_offset"]}));
        }
        let whole = json!({"items": items});
        context.format.print(&Listing {
            columns: &["kind", "id", "catalog_offset"],
            items: &items,
            whole: &whole,
        })?;
        Ok(Exit::Done)
    }
}

/// A resource to be put.
#[derive(Clone, Debug, PartialEq)]
struct Document {
    kind: String,
    id: String,
    body: Map<String, Value>,
}

impl Document {
    /// `number` counts the documents of the file from 1.
    fn new(value: Value, number: usize) -> Result<Self, Failure> {
        let refuse = |rule: &str| Failure::usage(format!("document {number} {rule}"));
        let Value::Object(mut body) = value else { return Err(refuse("must be a mapping")) };
        let kind = body.remove("kind").and_then(|kind| kind.as_str().map(str::to_owned));
        let kind = kind.filter(|kind| KINDS.contains(&kind.as_str()));
        let kind = kind.ok_or_else(|| refuse(&format!("must have a kind, one of {}", KINDS.join(", "))))?;
        let id = if kind == "plan" { body.get("plan").cloned() } else { body.remove("id") };
        let id = id.and_then(|id| id.as_str().map(str::to_owned));
        let id =
            id.ok_or_else(|| refuse(if kind == "plan" { "must name its plan" } else { "must have an id" }))?;
        Ok(Self { kind, id, body })
    }

    fn order(&self) -> Option<usize> {
        KINDS.iter().position(|kind| *kind == self.kind)
    }

    fn request(&self) -> Request {
        let body = Value::Object(self.body.clone());
        if self.kind == "plan" {
            return Request::new(Method::POST, &["plans", &self.id, "versions"]).with_body(body);
        }
        let collection = format!("{}s", self.kind);
        Request::new(Method::PUT, &[&collection, &self.id]).with_body(body)
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<Document>> {
    let refuse = |error: &dyn std::fmt::Display| Failure::usage(format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| refuse(&error))?;
    let values: Vec<Value> = serde_saphyr::from_multiple(&text).map_err(|error| refuse(&error))?;
    Ok(documents(values).map_err(|error| refuse(&error))?)
}

/// The documents in the order they are applied; a list counts as its elements.
fn documents(values: Vec<Value>) -> Result<Vec<Document>, Failure> {
    let flat = values.into_iter().flat_map(|value| match value {
        Value::Array(values) => values,
        value => vec![value],
    });
    let mut documents = flat
        .enumerate()
        .map(|(index, value)| Document::new(value, index + 1))
        .collect::<Result<Vec<_>, _>>()?;
    documents.sort_by_key(Document::order);
    Ok(documents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_applied_in_the_order_of_their_kinds() {
        let values = vec![
            json!({"kind": "contract", "id": "c", "tenant": "acme"}),
            json!([{"kind": "plan", "plan": "llm"}, {"kind": "sku", "id": "llm.input", "unit": "token"}]),
            json!({"kind": "tenant", "id": "acme"}),
        ];
        let documents = documents(values).unwrap();
        let kinds: Vec<_> = documents.iter().map(|document| document.kind.as_str()).collect();
        assert_eq!(kinds, ["sku", "tenant", "plan", "contract"]);
        let put = Request::new(Method::PUT, &["skus", "llm.input"]).with_body(json!({"unit": "token"}));
        assert_eq!(documents[0].request(), put);
        let post =
            Request::new(Method::POST, &["plans", "llm", "versions"]).with_body(json!({"plan": "llm"}));
        assert_eq!(documents[2].request(), post);
    }

    #[test]
    fn a_document_that_cannot_be_placed_is_named_by_its_number() {
        for (value, rule) in [
            (json!([1]), "document 1 must be a mapping"),
            (json!({"kind": "sku"}), "document 1 must have an id"),
            (json!({"kind": "plan"}), "document 1 must name its plan"),
            (
                json!({"kind": "planet"}),
                "document 1 must have a kind, one of unit, sku, tenant, plan, contract",
            ),
        ] {
            assert_eq!(documents(vec![value]).unwrap_err().message, rule);
        }
    }

    #[test]
    fn yaml_of_many_documents_and_json_are_read_alike() {
        let directory = tempfile::tempdir().unwrap();
        let yaml = directory.path().join("a.yaml");
        fs::write(&yaml, "kind: sku\nid: a\nunit: token\n---\nkind: tenant\nid: t\nname: T\n").unwrap();
        let file = directory.path().join("a.json");
        fs::write(
            &file,
            r#"[{"kind": "sku", "id": "a", "unit": "token"}, {"kind": "tenant", "id": "t", "name": "T"}]"#,
        )
        .unwrap();
        assert_eq!(read(&yaml).unwrap(), read(&file).unwrap());
        assert_eq!(read(&yaml).unwrap().len(), 2);
    }
}
