//! `pulse reconcile`: do the books balance?

use super::Context;
use crate::client::rest::{Request, Rest};
use crate::exit::Exit;
use crate::output::{Format, Listing};
use anyhow::Context as _;
use clap::Args;
use serde_json::Value;

const COLUMNS: [&str; 11] = [
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
];

/// Check that the books balance: exit code 6 if they do not.
#[derive(Args, Debug)]
pub struct Reconcile;

impl Reconcile {
    /// Asks for the books, and prints them.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let books = Rest::new(context.find_server()?).send(&Request::get(&["reconciliation"])).await?.body;
        let rows = if context.format == Format::Json { Vec::new() } else { rows(&books) };
        context.format.print(&Listing { columns: &COLUMNS, items: &rows, whole: &books })?;
        let difference = books["difference"].as_str().context("the answer has no difference")?;
        if difference == "0" {
            return Ok(Exit::Done);
        }
        eprintln!("the books do not balance: the difference is {difference}");
        Ok(Exit::Unbalanced)
    }
}

/// A row per partition, then the whole.
fn rows(books: &Value) -> Vec<Value> {
    let mut rows = books["partitions"].as_array().cloned().unwrap_or_default();
    let mut whole = books.clone();
    if let Some(fields) = whole.as_object_mut() {
        fields.remove("partitions");
        fields.remove("meta");
        fields.insert("partition".to_owned(), Value::from("all"));
    }
    rows.push(whole);
    rows
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
}
