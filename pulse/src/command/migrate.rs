//! `pulse migrate`: a house moves from its data directory to Kafka and ScyllaDB.

use super::Context;
use crate::config::{self, Loaded};
use crate::exit::{Exit, Failure};
use crate::output::Listing;
use crate::telemetry;
use crate::up::migration::{self, Moved};
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;

/// What must be the same on both sides.
const BOOKS: [&str; 8] =
    ["received", "applied", "duplicate", "conflict", "dead_lettered", "too_late", "control", "difference"];

/// Move a house from its data directory, which nobody uses meanwhile, to the Kafka and ScyllaDB that are configured.
/// An interrupted move goes on when the same command is given again.
#[derive(Args, Debug)]
pub struct Migrate {
    /// Configuration file (TOML) that names kafka.brokers and scylla.nodes
    #[arg(long, env = "PULSE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data directory that moves [default: ./pulse-data]
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
}

impl Migrate {
    /// Moves, and compares the books of both sides.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let flags = self.data_dir.map_or(json!({}), |path| json!({"data_dir": path.to_string_lossy()}));
        let Loaded { config, .. } = config::load(self.config.as_deref(), &context.environment, flags)?;
        if !config.is_on_engines() {
            let rule = "migrate needs kafka.brokers and scylla.nodes: they say where the house moves to";
            return Err(Failure::usage(rule).into());
        }
        let telemetry = telemetry::start(&config, &context.environment)?;
        let moved = migration::run(&config).await;
        telemetry.end().await;
        let moved = moved?;
        let items = items(&moved);
        context.format.print(&Listing {
            columns: &["what", "from", "to"],
            items: &items,
            whole: &json!({"items": items}),
        })?;
        if !is_same(&moved) {
            return Ok(Exit::Unbalanced);
        }
        eprintln!("the house has moved: start its roles, and do not start the data directory again");
        Ok(Exit::Done)
    }
}

fn items(moved: &Moved) -> Vec<Value> {
    let copied =
        |what: &str, count: u64| json!({"what": what, "from": count.to_string(), "to": count.to_string()});
    let cells = moved.cells.iter().map(|(table, cells)| copied(&format!("cells of {table}"), *cells));
    let catalogue = copied("records of the catalogue", moved.catalogue_records);
    let books = BOOKS.map(|name| json!({"what": name, "from": moved.before[name], "to": moved.after[name]}));
    cells.chain([catalogue]).chain(books).collect()
}

/// Whether both sides say the same, and it is a balance.
fn is_same(moved: &Moved) -> bool {
    let (before, after) = (&moved.before, &moved.after);
    BOOKS.iter().all(|name| before[name] == after[name]) && after["difference"] == "0"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(applied_there: &str, difference: &str) -> Moved {
        let books = |applied: &str| json!({"received": "3", "applied": applied, "difference": difference});
        Moved {
            cells: vec![("aggregate", 2)],
            catalogue_records: 7,
            before: books("3"),
            after: books(applied_there),
        }
    }

    #[test]
    fn both_sides_must_say_the_same_and_balance() {
        assert!(is_same(&moved("3", "0")));
        assert!(!is_same(&moved("2", "0")));
        assert!(!is_same(&moved("3", "1")));
    }

    #[test]
    fn what_was_copied_is_told_with_the_books_of_both_sides() {
        let items = items(&moved("2", "0"));
        assert_eq!(items.len(), 10);
        assert_eq!(items[0], json!({"what": "cells of aggregate", "from": "2", "to": "2"}));
        assert_eq!(items[1], json!({"what": "records of the catalogue", "from": "7", "to": "7"}));
        assert_eq!(items[3], json!({"what": "applied", "from": "3", "to": "2"}));
    }
}
