//! `pulse config print|check`: what a server would run with.

use super::Context;
use super::up::ServeFlags;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::output::Listing;
use anyhow::Context as _;
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
            check_engines(&loaded.config).map_err(|error| Failure::usage(format!("{error:#}")))?;
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

/// Whether clients can be made of what is said about engines: files are there, and this build can do what is asked.
fn check_engines(config: &Config) -> anyhow::Result<()> {
    if let Some(options) = config.kafka.options().context("kafka")? {
        options.check().context("kafka")?;
    }
    config.scylla.options().context("scylla")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::environment::Environment;

    fn checked(more: &Value) -> Result<(), String> {
        let mut flags = json!({"kafka": {"brokers": "127.0.0.1:9"}, "scylla": {"nodes": "127.0.0.1:9"}});
        for (table, values) in more.as_object().unwrap() {
            flags[table].as_object_mut().unwrap().extend(values.as_object().unwrap().clone());
        }
        let loaded = config::load(None, &Environment::default(), flags).unwrap();
        check_engines(&loaded.config).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn engines_need_not_answer_to_be_well_configured() {
        assert_eq!(checked(&json!({})), Ok(()));
    }

    #[test]
    fn what_no_client_can_be_made_of_is_told_with_its_table() {
        let missing = "reading /no/such: No such file or directory (os error 2)";
        for table in ["kafka", "scylla"] {
            let secret = json!({table: {"username": "pulse", "password_file": "/no/such"}});
            assert_eq!(checked(&secret), Err(format!("{table}: {missing}")));
        }
        let login = json!({"kafka": {"username": "pulse"}});
        let rule = "kafka: kafka.username and kafka.password are given together or not at all";
        assert_eq!(checked(&login), Err(rule.to_owned()));
    }

    #[test]
    fn encryption_is_taken_where_it_is_built_in_and_refused_elsewhere() {
        let expected = if cfg!(feature = "kafka-tls") {
            Ok(())
        } else {
            Err("kafka: encryption and login need a build with the feature kafka-tls".to_owned())
        };
        assert_eq!(checked(&json!({"kafka": {"tls": true}})), expected);
    }
}
