//! `pulse schema apply|check`: the keyspace and its tables, and how the topics are set.

use super::Context;
use crate::config::{self, Config};
use crate::exit::{Exit, Failure};
use crate::output::Listing;
use crate::system_clock::SystemClock;
use crate::up::house;
use backends::kafka::{KafkaLog, OpenError};
use backends::scylla::ScyllaOptions;
use backends::scylla::schema::{self, Finding, Mend};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

/// Make or check what the store and the log are kept in.
#[derive(Debug, Subcommand)]
pub enum Schema {
    /// Make the keyspace and its tables, and set right what a statement can
    Apply(SchemaFlags),
    /// List what is not as it must be, each with what mends it
    Check(SchemaFlags),
}

/// Where the configuration is.
#[derive(Args, Debug)]
pub struct SchemaFlags {
    /// Configuration file (TOML) that names kafka.brokers and scylla.nodes
    #[arg(long, env = "PULSE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Schema {
    /// Does it, and prints what was changed or what is wrong.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let (Self::Apply(flags) | Self::Check(flags)) = &self;
        let config = config::load(flags.config.as_deref(), &context.environment, json!({}))?.config;
        let options = store(&config)?;
        let (applied, mut wrong) = match &self {
            Self::Apply(_) => (schema::apply(&options).await?, Vec::new()),
            Self::Check(_) => (Vec::new(), schema::check(&options).await?.iter().map(item).collect()),
        };
        wrong.extend(topics(&config).await?);
        let items: Vec<Value> = applied.iter().map(item).chain(wrong.iter().cloned()).collect();
        context.format.print(&Listing {
            columns: &["place", "setting", "is", "must_be", "mend"],
            items: &items,
            whole: &json!({"items": items}),
        })?;
        eprintln!("{} changed, {} wrong", applied.len(), wrong.len());
        Ok(if wrong.is_empty() { Exit::Done } else { Exit::Failed })
    }
}

fn store(config: &Config) -> anyhow::Result<ScyllaOptions> {
    let rule = "schema needs kafka.brokers and scylla.nodes: an embedded data directory has its schema in it";
    Ok(config.scylla.options()?.ok_or_else(|| Failure::usage(rule))?)
}

fn item(finding: &Finding) -> Value {
    let Finding { place, setting, is, must_be, mend } = finding;
    let (Mend::Statement(mend) | Mend::ByHand(mend)) = mend;
    json!({"place": place, "setting": setting, "is": is, "must_be": must_be, "mend": mend})
}

/// What is wrong with the topics of the house. There are none before the first role has begun it.
async fn topics(config: &Config) -> anyhow::Result<Vec<Value>> {
    let Some(options) = config.kafka.options()? else { return Ok(Vec::new()) };
    let log = KafkaLog::open(options, Arc::new(SystemClock)).await?;
    let mut wrong = Vec::new();
    for (topic, partitions) in house::all_topics(&*log).await? {
        match log.check(&topic, partitions).await {
            Ok(()) => {}
            Err(OpenError::Settings { topic, findings }) => wrong.extend(findings.iter().map(|finding| {
                json!({
                    "place": format!("topic {topic}"), "setting": finding.setting, "is": finding.found,
                    "must_be": finding.wanted, "mend": finding.mend,
                })
            })),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;

    fn loaded<const N: usize>(variables: [(&str, &str); N]) -> Config {
        config::load(None, &Environment::from(variables), json!({})).unwrap().config
    }

    #[test]
    fn without_engines_there_is_no_schema_to_apply() {
        let refused = store(&loaded([])).unwrap_err();
        assert_eq!(Exit::of(&refused), Exit::Usage);
        assert!(refused.to_string().starts_with("schema needs kafka.brokers and scylla.nodes"), "{refused}");
    }

    #[test]
    fn the_store_is_the_one_of_the_configuration() {
        let variables = [
            ("PULSE_KAFKA__BROKERS", "k:1"),
            ("PULSE_SCYLLA__NODES", "a:1,b:2"),
            ("PULSE_SCYLLA__KEYSPACE", "x"),
        ];
        let options = store(&loaded(variables)).unwrap();
        assert_eq!(
            (options.nodes, options.keyspace),
            (vec!["a:1".to_owned(), "b:2".to_owned()], "x".to_owned())
        );
    }

    #[test]
    fn a_finding_is_shown_with_what_mends_it_whoever_does_it() {
        let finding = |mend| Finding {
            place: "charge".to_owned(),
            setting: "comment",
            is: "a".to_owned(),
            must_be: "b".to_owned(),
            mend,
        };
        for mend in [Mend::Statement("do".to_owned()), Mend::ByHand("do".to_owned())] {
            let expected =
                json!({"place": "charge", "setting": "comment", "is": "a", "must_be": "b", "mend": "do"});
            assert_eq!(item(&finding(mend)), expected);
        }
    }
}
