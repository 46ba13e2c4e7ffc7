//! `pulse reconcile`: do the books balance?

use super::Context;
use super::asking::Asking;
use crate::client::rest::Request;
use crate::exit::Exit;
use crate::output::{self, Format, Listing};
use clap::Args;
use serde_json::Value;

const COLUMNS: [&str; 12] = [
    "generation",
    "partition",
    "received",
    "applied",
    "duplicate",
    "conflict",
    "dead_lettered",
    "too_late",
    "control",
    "in_flight",
    "difference",
    "balanced",
];

/// Check that the books balance: exit code 6 if they do not.
#[derive(Args, Debug)]
pub struct Reconcile {
    #[command(flatten)]
    asking: Asking,
}

impl Reconcile {
    /// Asks for the books, and prints them.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let request = Request::get(&["reconciliation"]);
        let Some(books) = self.asking.follow(context, &request, "counting again").await? else {
            return Ok(Exit::Done);
        };
        let rows = if context.format == Format::Json { Vec::new() } else { rows(&books) };
        context.format.print(&Listing { columns: &COLUMNS, items: &rows, whole: &books })?;
        for check in failed_checks(&books) {
            eprintln!("{check}");
        }
        let is_balanced = books["difference"] == "0" && books["balanced"] != false;
        Ok(if is_balanced { Exit::Done } else { Exit::Unbalanced })
    }
}

/// A row per partition, then the whole.
fn rows(books: &Value) -> Vec<Value> {
    let mut rows = books["partitions"].as_array().cloned().unwrap_or_default();
    let mut whole = books.clone();
    if let Some(fields) = whole.as_object_mut() {
        fields.remove("partitions");
        fields.insert("partition".to_owned(), Value::from("all"));
    }
    rows.push(whole);
    rows
}

/// What a recount found otherwise, for people.
fn failed_checks(books: &Value) -> Vec<String> {
    let checks = books["checks"].as_array().into_iter().flatten();
    let failed = checks.filter(|check| check["holds"] == false);
    let text = |check: &Value| {
        let [expected, name, found] = ["expected", "name", "found"].map(|field| output::text(&check[field]));
        format!("the books say {expected} of {name}, a recount says {found}")
    };
    failed.map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_whole_is_the_last_row() {
        let books =
            json!({"received": "3", "difference": "0", "partitions": [{"partition": 0, "received": "3"}]});
        let rows = rows(&books);
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[1], json!({"received": "3", "difference": "0", "partition": "all"}));
    }

    #[test]
    fn a_recount_that_differs_is_told() {
        let check =
            |holds, found| json!({"name": "row_counts", "expected": "3", "found": found, "holds": holds});
        let books = json!({"checks": [check(true, "3"), check(false, "2")]});
        assert_eq!(failed_checks(&books), ["the books say 3 of row_counts, a recount says 2"]);
    }
}
