//! `pulse catalog add-incarnation`: a topic whose records are gone for good goes on.

use super::Context;
use crate::config::{self, Loaded};
use crate::exit::{Exit, Failure};
use crate::output::Listing;
use crate::up::loss::{self, Declared};
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;

/// What is lost, and who says so. No edge and no consumer may run meanwhile.
#[derive(Args, Debug)]
pub struct AddIncarnation {
    /// The topic of a generation; it is made where it is gone, and must be empty
    #[arg(long)]
    topic: String,
    /// What it held and was not counted is lost
    #[arg(long, required = true)]
    declare_loss: bool,
    /// Who declares it: a name that the catalogue keeps
    #[arg(long)]
    operator: String,
    /// Configuration file (TOML) that names kafka.brokers and scylla.nodes
    #[arg(long, env = "PULSE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl AddIncarnation {
    /// Declares it, and prints where each partition goes on.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let Loaded { config, .. } = config::load(self.config.as_deref(), &context.environment, json!({}))?;
        if !config.is_on_engines() {
            let rule = "add-incarnation needs kafka.brokers and scylla.nodes: a data directory is restored from a backup";
            return Err(Failure::usage(rule).into());
        }
        let declared = loss::run(&config, &self.topic, &self.operator).await?;
        let items = items(&declared);
        context.format.print(&Listing {
            columns: &["partition", "counted_below", "goes_on_at"],
            items: &items,
            whole: &json!({"incarnation": declared.incarnation.number, "items": items}),
        })?;
        let word = if declared.is_new { "is declared lost" } else { "was declared lost before" };
        eprintln!("what {} held from there on {word}; start the roles again", self.topic);
        Ok(Exit::Done)
    }
}

fn items(declared: &Declared) -> Vec<Value> {
    let places = declared.counted.iter().zip(&declared.incarnation.first_offsets).enumerate();
    let item = |(partition, (counted, first)): (usize, (&u64, &u64))| json!({"partition": partition, "counted_below": counted.to_string(), "goes_on_at": first.to_string()});
    places.map(item).collect()
}
