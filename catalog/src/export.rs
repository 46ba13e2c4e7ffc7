//! The catalogue as documents, such that applying them to an empty catalogue gives the same one. Pure.

use crate::apply::Kind;
use crate::command::{Change, Command};
use crate::fold::{Outcome, Refusal};
use crate::form::Resource;
use crate::plan::PlanDocument;
use crate::resource::{Contract, Sku, Tenant};
use crate::state::State;
use ::rest::Problem;
use domain::id::PlanId;
use domain::time::Timestamp;
use domain::unit::Unit;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The catalogue as documents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Export {
    /// In the order in which they are applied.
    pub documents: Vec<Map<String, Value>>,
    /// What an empty catalogue would not take.
    pub left_out: Vec<LeftOut>,
}

/// Something that cannot be a document: it names what is deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// What it is.
    pub kind: Kind,
    /// Its id; of a version of a plan, `plan/versions/2`.
    pub id: String,
    /// Why.
    pub reason: String,
}

/// Makes documents of the items that lists answer: units, SKUs, tenants, versions of plans (by rising number) and
/// contracts, in any order of kinds. Each is tried on an empty catalogue, after those it may name; a version whose number
/// changes because one before it is left out changes it for the contracts too.
pub fn documents(mut items: Vec<(Kind, Map<String, Value>)>) -> Export {
    items.sort_by_key(|(kind, _)| *kind);
    let mut exporter = Exporter::new();
    for (kind, item) in items {
        exporter.add(kind, item);
    }
    exporter.export
}

struct Exporter {
    /// What applying the documents gives.
    state: State,
    /// The numbers that versions have there.
    numbers: BTreeMap<(String, u64), u32>,
    export: Export,
}

impl Exporter {
    fn new() -> Self {
        let mut exporter =
            Self { state: State::default(), numbers: BTreeMap::new(), export: Export::default() };
        exporter.try_out(Change::SetRules(1)).expect("an empty catalogue takes its first rules");
        exporter
    }

    fn add(&mut self, kind: Kind, item: Map<String, Value>) {
        if item.get("built_in") == Some(&Value::Bool(true)) {
            return;
        }
        let id = name(kind, &item);
        let number = item.get("version").and_then(Value::as_u64);
        let mut document = document(kind, item);
        self.renumber(&mut document);
        let tried = change(kind, &document).and_then(|change| Ok(self.try_out(change)?));
        match tried {
            Ok(settled) => {
                if let Some((new, old)) = settled.plan_version.zip(number) {
                    self.numbers.insert((text(&document, "plan"), old), new);
                }
                document.insert("kind".to_owned(), kind.name().into());
                self.export.documents.push(document);
            }
            Err(problem) => {
                let reason = problem.detail().to_owned();
                self.export.left_out.push(LeftOut { kind, id, reason });
            }
        }
    }

    fn try_out(&mut self, change: Change) -> Outcome {
        let command = Command {
            author: String::new(),
            idempotency_key: None,
            expected_revision: None,
            arrival_time: Timestamp::EPOCH,
            change,
        };
        self.state.apply(&command).expect("the rules are known here")
    }

    /// A contract names the number that its version has now; one whose version is gone keeps it, and is refused.
    fn renumber(&self, document: &mut Map<String, Value>) {
        let Some(old) = document.get("plan_version").and_then(Value::as_u64) else { return };
        let number = self.numbers.get(&(text(document, "plan"), old)).copied().unwrap_or_default();
        document.insert("plan_version".to_owned(), number.into());
    }
}

/// The body of the request that makes an item so, with its id.
fn document(kind: Kind, mut item: Map<String, Value>) -> Map<String, Value> {
    if kind == Kind::Plan {
        return item.remove("document").and_then(into_object).unwrap_or_default();
    }
    item.remove("catalog_offset");
    item.remove("built_in");
    item
}

fn change(kind: Kind, document: &Map<String, Value>) -> Result<Change, Problem> {
    match kind {
        Kind::Unit => wish_of::<Unit>(document),
        Kind::Sku => wish_of::<Sku>(document),
        Kind::Tenant => wish_of::<Tenant>(document),
        Kind::Contract => wish_of::<Contract>(document),
        Kind::Plan => {
            let content = Value::Object(document.clone()).to_string();
            let canonical = PlanDocument::parse(&content).map_err(Refusal::from)?.plan().canonical();
            Ok(Change::PublishPlan(PlanId::parse(&text(document, "plan"))?, canonical.into()))
        }
    }
}

fn wish_of<R: Resource>(document: &Map<String, Value>) -> Result<Change, Problem> {
    let mut body = document.clone();
    body.remove("id");
    let body = serde_json::from_value(Value::Object(body)).map_err(Problem::internal)?;
    Ok(R::put(R::parse_id(&text(document, "id"))?, R::read(&body)?))
}

fn name(kind: Kind, item: &Map<String, Value>) -> String {
    match kind {
        Kind::Plan => {
            format!("{}/versions/{}", text(item, "plan"), item.get("version").unwrap_or(&Value::Null))
        }
        _ => text(item, "id"),
    }
}

fn text(item: &Map<String, Value>, field: &str) -> String {
    item.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn into_object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
