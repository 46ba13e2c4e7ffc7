//! What the engines show: whether they answer, whether everything on them is set as it must be, and their time.

use super::{Finding, SKEW_SECONDS_MAX};
use crate::config::Config;
use crate::up::house;
use backends::kafka::{self, KafkaLog, OpenError};
use backends::scylla::{self, schema};
use domain::port::{Clock, Log, ReadLimit, TopicPartition};
use domain::time::Timestamp;
use domain::topic::CATALOG;
use std::sync::Arc;
use std::time::Duration;

const NEWEST: ReadLimit = ReadLimit { bytes: 1, wait: Duration::from_secs(5) };

/// Looks at the engines that are configured; nothing where there are none.
pub(super) async fn look(config: &Config, clock: Arc<dyn Clock>) -> Vec<Finding> {
    let (mut findings, more) = tokio::join!(brokers(config, clock), nodes(config));
    findings.extend(more);
    findings
}

async fn brokers(config: &Config, clock: Arc<dyn Clock>) -> Vec<Finding> {
    let options = match config.kafka.options() {
        Ok(Some(options)) => options,
        Ok(None) => return Vec::new(),
        Err(error) => return vec![unusable("kafka", &format!("{error:#}"))],
    };
    let brokers = options.brokers.clone();
    match KafkaLog::open(options, Arc::clone(&clock)).await {
        Ok(log) => {
            let mut findings = vec![Finding::well("kafka", format!("{brokers} answer"))];
            findings.extend(topics(&log).await);
            findings.extend(time(&*log, clock.now()).await);
            findings
        }
        Err(error @ OpenError::Unreachable { .. }) => {
            vec![away("kafka", &error.to_string(), "kafka.brokers")]
        }
        Err(error) => vec![unusable("kafka", &error.to_string())],
    }
}

/// Every topic of the house, each setting that is wrong with what mends it.
async fn topics(log: &KafkaLog) -> Vec<Finding> {
    let topics = match house::all_topics(log).await {
        Ok(topics) if topics.is_empty() => {
            return vec![Finding::well("kafka topics", "none yet: the first role makes them")];
        }
        Ok(topics) => topics,
        Err(error) => {
            let advice = "look at the brokers' log, and whether the topic catalog is whole";
            return vec![Finding::ill("kafka topics", format!("{error:#}"), advice)];
        }
    };
    let mut wrong = Vec::new();
    for (topic, partitions) in &topics {
        wrong.extend(log.check(topic, *partitions).await.err().map_or_else(Vec::new, settings));
    }
    if wrong.is_empty() {
        wrong.push(Finding::well("kafka topics", format!("{} are set as they must be", topics.len())));
    }
    wrong
}

fn settings(error: OpenError) -> Vec<Finding> {
    match error {
        OpenError::Settings { topic, findings } => {
            let ill = |finding: kafka::Finding| {
                let kafka::Finding { setting, found, wanted, mend } = finding;
                let found = format!("{topic}: {setting} is {found} and must be {wanted}");
                Finding::ill("kafka topics", found, mend)
            };
            findings.into_iter().map(ill).collect()
        }
        error => vec![Finding::ill("kafka topics", error.to_string(), "look at the brokers' log")],
    }
}

/// The brokers' time of the newest record of the catalogue, which a clock that is right has passed.
async fn time(log: &dyn Log, now: Timestamp) -> Option<Finding> {
    let at = TopicPartition::new(CATALOG, 0);
    let end = house::end(log, &at).await.ok().filter(|end| *end > 0)?;
    let newest = log.read(&at, end - 1, NEWEST).await.ok()?.first()?.timestamp;
    Some(clock(newest, now))
}

fn clock(newest: Timestamp, now: Timestamp) -> Finding {
    let ahead = newest.seconds().saturating_sub(now.seconds());
    if u64::try_from(ahead).unwrap_or(0) <= SKEW_SECONDS_MAX {
        return Finding::well("kafka clock", format!("the newest record is of {newest}"));
    }
    let found = format!("the newest record is of {newest}, {ahead} s ahead of here");
    Finding::ill("kafka clock", found, "synchronise the clocks of brokers and roles")
}

async fn nodes(config: &Config) -> Vec<Finding> {
    let options = match config.scylla.options() {
        Ok(Some(options)) => options,
        Ok(None) => return Vec::new(),
        Err(error) => return vec![unusable("scylla", &format!("{error:#}"))],
    };
    let answer = Finding::well("scylla", format!("{} answer", options.nodes.join(",")));
    match schema::check(&options).await {
        Ok(wrong) if wrong.is_empty() => {
            let keyspace = format!("keyspace {} is as it must be", options.keyspace);
            vec![answer, Finding::well("scylla schema", keyspace)]
        }
        Ok(wrong) => [answer].into_iter().chain(schema_findings(wrong, &options.keyspace)).collect(),
        Err(error @ scylla::OpenError::Unreachable { .. }) => {
            vec![away("scylla", &error.to_string(), "scylla.nodes")]
        }
        Err(error) => vec![unusable("scylla", &error.to_string())],
    }
}

/// Where there is no keyspace, that is all there is to say.
fn schema_findings(wrong: Vec<schema::Finding>, keyspace: &str) -> Vec<Finding> {
    let keyspace = format!("keyspace {keyspace}");
    let is_all = |finding: &schema::Finding| finding.place == keyspace && finding.setting == "existence";
    match wrong.iter().find(|finding| is_all(finding)).cloned() {
        Some(absent) => vec![schema_finding(absent)],
        None => wrong.into_iter().map(schema_finding).collect(),
    }
}

fn schema_finding(finding: schema::Finding) -> Finding {
    let schema::Finding { place, setting, is, must_be, mend } = finding;
    let advice = match mend {
        schema::Mend::Statement(_) => {
            "run `pulse schema apply`; `pulse schema check` shows the statement".to_owned()
        }
        schema::Mend::ByHand(what) => what,
    };
    Finding::ill("scylla schema", format!("{place}: {setting} is {is} and must be {must_be}"), advice)
}

fn away(check: &'static str, found: &str, key: &str) -> Finding {
    Finding::ill(check, found, format!("start it, or name where it is in {key}"))
}

fn unusable(check: &'static str, found: &str) -> Finding {
    Finding::ill(check, found, format!("mend the table {check} of the configuration"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::environment::Environment;
    use crate::system_clock::SystemClock;
    use serde_json::json;

    async fn looked(kafka: serde_json::Value, scylla: serde_json::Value) -> Vec<Finding> {
        let flags = json!({"kafka": kafka, "scylla": scylla});
        let loaded = config::load(None, &Environment::default(), flags).unwrap();
        look(&loaded.config, Arc::new(SystemClock)).await
    }

    #[tokio::test]
    async fn engines_that_are_not_configured_are_not_looked_at() {
        assert!(looked(json!({}), json!({})).await.is_empty());
    }

    #[tokio::test]
    async fn dead_engines_are_told_with_the_keys_that_name_them() {
        let nowhere = "127.0.0.1:9";
        let findings = looked(json!({"brokers": nowhere}), json!({"nodes": nowhere})).await;
        let told: Vec<_> = findings.iter().map(|finding| (finding.check, finding.is_well)).collect();
        assert_eq!(told, [("kafka", false), ("scylla", false)]);
        assert_eq!(findings[0].advice, "start it, or name where it is in kafka.brokers");
        assert_eq!(findings[1].advice, "start it, or name where it is in scylla.nodes");
        assert!(findings.iter().all(|finding| finding.found.contains(nowhere)), "{findings:?}");
    }

    #[tokio::test]
    async fn a_table_that_cannot_be_used_is_told_by_its_name() {
        let kafka = json!({"brokers": "127.0.0.1:9", "username": "pulse"});
        let scylla = json!({"nodes": "127.0.0.1:9", "keyspace": "No Such"});
        let findings = looked(kafka, scylla).await;
        assert_eq!(findings[0].advice, "mend the table kafka of the configuration");
        assert_eq!(findings[1].advice, "mend the table scylla of the configuration");
    }

    #[test]
    fn each_wrong_setting_is_a_line_with_what_mends_it() {
        let retention = kafka::Finding {
            setting: "retention.ms".to_owned(),
            found: "1".to_owned(),
            wanted: "2".to_owned(),
            mend: "kafka-configs.sh".to_owned(),
        };
        let findings = vec![retention.clone(), kafka::Finding { setting: "x".to_owned(), ..retention }];
        let told = settings(OpenError::Settings { topic: "catalog".to_owned(), findings });
        assert_eq!(told.len(), 2);
        assert_eq!(told[0].found, "catalog: retention.ms is 1 and must be 2");
        assert_eq!(told[0].advice, "kafka-configs.sh");
    }

    #[test]
    fn a_schema_is_told_table_by_table_or_as_missing_at_once() {
        let wrong = |place: &str, setting, mend| schema::Finding {
            place: place.to_owned(),
            setting,
            is: "9".to_owned(),
            must_be: "0".to_owned(),
            mend,
        };
        let statement = || schema::Mend::Statement("ALTER".to_owned());
        let by_hand = schema::Mend::ByHand("add nodes".to_owned());
        let tables =
            vec![wrong("page", "gc_grace_seconds", statement()), wrong("keyspace x", "replication", by_hand)];
        let told = schema_findings(tables.clone(), "x");
        assert_eq!(told[0].found, "page: gc_grace_seconds is 9 and must be 0");
        let advice: Vec<&str> = told.iter().map(|finding| finding.advice.as_str()).collect();
        assert_eq!(
            advice,
            ["run `pulse schema apply`; `pulse schema check` shows the statement", "add nodes"]
        );
        let absent = [vec![wrong("keyspace x", "existence", statement())], tables].concat();
        assert_eq!(schema_findings(absent, "x").len(), 1);
    }

    #[test]
    fn a_clock_may_be_a_minute_behind_the_newest_record() {
        let newest = Timestamp::from_seconds(1_767_225_600);
        assert!(clock(newest, newest.plus_seconds(-60)).is_well);
        assert!(clock(newest, newest.plus_seconds(1_000_000)).is_well, "nothing was written for long");
        let behind = clock(newest, newest.plus_seconds(-61));
        assert!(!behind.is_well && behind.found.contains("61 s ahead"), "{behind:?}");
    }
}
