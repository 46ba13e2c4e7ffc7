//! `pulse config print|check`: what a server would run with.

use super::Context;
use super::up::ServeFlags;
use crate::exit::Exit;
use crate::output::Listing;
use clap::Subcommand;
use serde_json::{Value, json};

/// Show or check the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show every value and where it came from
    Print(ServeFlags),
    /// Say whether a server would start with it
    Check(ServeFlags),
}

impl ConfigCommand {
    /// Reads the configuration as `up` would.
    pub fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let (Self::Print(flags) | Self::Check(flags)) = &self;
        let loaded = flags.load(&context.environment)?;
        for warning in &loaded.warnings {
            eprintln!("warning: {warning}");
        }
        if matches!(self, Self::Check(_)) {
            eprintln!("the configuration is valid");
            return Ok(Exit::Done);
        }
        let settings = loaded.settings.iter();
        let items: Vec<Value> = settings.map(|setting| json!({"key": setting.key, "value": setting.value, "origin": setting.origin.to_string()})).collect();
        let whole = json!({"items": items});
        context.format.print(&Listing {
            columns: &["key", "value", "origin"],
            items: &items,
            whole: &whole,
        })?;
        Ok(Exit::Done)
    }
}
