//! How a topic must be set, and what differs: each difference with the command that mends it.

use super::control::Shape;
use super::open_error::PARTITIONS;
use super::options::BATCH_BYTES_MAX;
use super::{Finding, KafkaOptions};
use domain::topic::{CATALOG, MOVABLE};
use std::collections::HashMap;

const MIN_IN_SYNC: &str = "min.insync.replicas";
/// What keeps a record for ever.
const FOR_EVER: &str = "-1";

/// A rule for one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Is(String),
    AtLeast(i64),
}

/// How a topic must be set.
#[derive(Clone, Debug)]
pub struct Settings {
    brokers: String,
    /// Our name of it.
    name: String,
    /// Its name on the brokers.
    pub topic: String,
    /// How many partitions it must have.
    pub partitions: usize,
    /// How many copies of each.
    pub replication: i32,
    rules: Vec<(&'static str, Rule)>,
}

impl Settings {
    /// What a topic must be, from our name of it.
    pub fn of(options: &KafkaOptions, topic: &str, partitions: usize) -> Self {
        let retention = match topic {
            CATALOG => Rule::Is(FOR_EVER.to_owned()),
            _ => Rule::AtLeast(i64::try_from(options.retention.as_millis()).unwrap_or(i64::MAX)),
        };
        let is = |value: &str| Rule::Is(value.to_owned());
        let rules = vec![
            ("cleanup.policy", is("delete")),
            ("message.timestamp.type", is("LogAppendTime")),
            (MIN_IN_SYNC, Rule::AtLeast(options.min_insync_replicas.into())),
            ("unclean.leader.election.enable", is("false")),
            ("retention.ms", retention),
            ("retention.bytes", is(FOR_EVER)),
            ("max.message.bytes", Rule::AtLeast(i64::try_from(BATCH_BYTES_MAX).unwrap_or(i64::MAX))),
        ];
        Self {
            brokers: options.brokers.clone(),
            name: topic.to_owned(),
            topic: options.topic(topic),
            partitions,
            replication: options.replication,
            rules,
        }
    }

    /// What a new topic is given.
    pub fn values(&self) -> Vec<(&'static str, String)> {
        self.rules.iter().map(|(name, rule)| (*name, rule.value())).collect()
    }

    /// The finding of a topic that is not there. One of pulses that is made by hand would be taken for the one that is
    /// gone by every edge that starts.
    pub fn absent(&self) -> Finding {
        if self.holds_pulses() {
            let name = &self.name;
            let mend = format!(
                "restore it; where it is gone for good, declare the loss and make none by hand: pulse catalog \
                 add-incarnation --topic {name} --declare-loss --operator NAME"
            );
            return absent(mend);
        }
        let values: Vec<String> =
            self.values().iter().map(|(name, value)| format!(" --config {name}={value}")).collect();
        let Self { partitions, replication, .. } = self;
        let create = format!("--create --partitions {partitions} --replication-factor {replication}");
        absent(format!("{}{}", self.topics(&create), values.concat()))
    }

    fn holds_pulses(&self) -> bool {
        self.name != CATALOG && !MOVABLE.contains(&&*self.name)
    }

    /// All that differs.
    pub fn differences(&self, shape: Shape, values: &HashMap<String, String>) -> Vec<Finding> {
        let least_in_sync = values.get(MIN_IN_SYNC).and_then(|value| value.parse().ok());
        let shape = [
            self.partitions(shape.partitions),
            self.replicas(shape.replicas),
            self.writable(shape.replicas, least_in_sync.unwrap_or(0)),
        ];
        let values = self.rules.iter().map(|(name, rule)| self.difference(name, rule, values.get(*name)));
        shape.into_iter().chain(values).flatten().collect()
    }

    /// Partitions that are too many cannot be taken away, and missing ones only be added while no record was routed.
    fn partitions(&self, found: usize) -> Option<Finding> {
        let mend = if found < self.partitions {
            self.topics(&format!("--alter --partitions {}", self.partitions))
        } else {
            format!(
                "{}, where it holds nothing; else leave what was added empty, and add a generation: pulse catalog \
                 add-generation --partitions {found}",
                self.topics("--delete")
            )
        };
        let finding = finding(PARTITIONS, &found.to_string(), self.partitions.to_string(), mend);
        (found != self.partitions).then_some(finding)
    }

    fn replicas(&self, found: usize) -> Option<Finding> {
        let wanted = usize::try_from(self.replication).unwrap_or(0);
        let finding = finding(
            "replication.factor",
            &found.to_string(),
            format!("{wanted} or more"),
            self.reassign(wanted),
        );
        (found < wanted).then_some(finding)
    }

    /// Where more copies must have a record than there are, nothing is ever stored.
    fn writable(&self, replicas: usize, least_in_sync: usize) -> Option<Finding> {
        let (found, wanted) =
            (least_in_sync.to_string(), format!("{replicas} or less, the copies there are"));
        (replicas < least_in_sync).then(|| finding(MIN_IN_SYNC, &found, wanted, self.reassign(least_in_sync)))
    }

    fn reassign(&self, replicas: usize) -> String {
        let Self { brokers, topic, .. } = self;
        format!(
            "kafka-reassign-partitions.sh --bootstrap-server {brokers} --reassignment-json-file FILE --execute, where FILE \
             names {replicas} brokers for each partition of {topic}"
        )
    }

    fn difference(&self, name: &str, rule: &Rule, found: Option<&String>) -> Option<Finding> {
        let found = found.map_or("", String::as_str);
        let Self { brokers, topic, .. } = self;
        let mend = format!(
            "kafka-configs.sh --bootstrap-server {brokers} --alter --entity-type topics --entity-name {topic} \
             --add-config {name}={}",
            rule.value()
        );
        (!rule.holds(name, found)).then(|| finding(name, found, rule.told(), mend))
    }

    fn topics(&self, command: &str) -> String {
        let Self { brokers, topic, .. } = self;
        format!("kafka-topics.sh --bootstrap-server {brokers} --topic {topic} {command}")
    }
}

impl Rule {
    fn value(&self) -> String {
        match self {
            Self::Is(value) => value.clone(),
            Self::AtLeast(least) => least.to_string(),
        }
    }

    fn told(&self) -> String {
        match self {
            Self::Is(value) => value.clone(),
            Self::AtLeast(least) => format!("{least} or more"),
        }
    }

    /// A retention without end is longer than any.
    fn holds(&self, name: &str, found: &str) -> bool {
        match self {
            Self::Is(value) => value == found,
            Self::AtLeast(_) if name == "retention.ms" && found == FOR_EVER => true,
            Self::AtLeast(least) => found.parse().is_ok_and(|found: i64| found >= *least),
        }
    }
}

fn absent(mend: String) -> Finding {
    finding("topic", "absent", "there".to_owned(), mend)
}

fn finding(setting: &str, found: &str, wanted: String, mend: String) -> Finding {
    Finding { setting: setting.to_owned(), found: found.to_owned(), wanted, mend }
}

/// Findings as a message.
pub fn list(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::topic::DEAD_LETTERS;
    use std::time::Duration;

    const GOOD: Shape = Shape { partitions: 4, replicas: 3, in_sync: 3, is_led: true };

    fn options() -> KafkaOptions {
        KafkaOptions {
            brokers: "one:9092".to_owned(),
            topic_prefix: "north.".to_owned(),
            replication: 3,
            min_insync_replicas: 2,
            retention: Duration::from_secs(86_400),
            ..KafkaOptions::default()
        }
    }

    fn settings() -> Settings {
        Settings::of(&options(), "pulses", 4)
    }

    fn good(settings: &Settings) -> HashMap<String, String> {
        settings.values().into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The difference when one value is another.
    fn told(name: &str, value: &str) -> Option<String> {
        let settings = settings();
        let mut values = good(&settings);
        values.insert(name.to_owned(), value.to_owned()).expect("it is one of the settings");
        let findings = settings.differences(GOOD, &values);
        assert!(findings.len() < 2, "{findings:?}");
        findings.first().map(ToString::to_string)
    }

    #[test]
    fn a_topic_is_made_as_it_must_be() {
        let settings = settings();
        assert_eq!(settings.differences(GOOD, &good(&settings)), []);
        let expected = [
            ("cleanup.policy", "delete"),
            ("message.timestamp.type", "LogAppendTime"),
            ("min.insync.replicas", "2"),
            ("unclean.leader.election.enable", "false"),
            ("retention.ms", "86400000"),
            ("retention.bytes", "-1"),
            ("max.message.bytes", "1000000"),
        ];
        assert_eq!(settings.values(), expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn each_wrong_setting_is_told_by_its_name_with_the_command_that_mends_it() {
        for (name, wrong, wanted, set) in [
            ("cleanup.policy", "compact", "delete", "delete"),
            ("message.timestamp.type", "CreateTime", "LogAppendTime", "LogAppendTime"),
            ("min.insync.replicas", "1", "2 or more", "2"),
            ("unclean.leader.election.enable", "true", "false", "false"),
            ("retention.ms", "86399999", "86400000 or more", "86400000"),
            ("retention.bytes", "1073741824", "-1", "-1"),
            ("max.message.bytes", "999999", "1000000 or more", "1000000"),
        ] {
            let expected = format!(
                "{name} is {wrong} and must be {wanted}; mend it by: kafka-configs.sh --bootstrap-server one:9092 \
                 --alter --entity-type topics --entity-name north.pulses --add-config {name}={set}"
            );
            assert_eq!(told(name, wrong), Some(expected));
        }
    }

    #[test]
    fn more_than_is_asked_for_is_no_fault() {
        for (name, more) in [
            ("min.insync.replicas", "3"),
            ("retention.ms", "86400001"),
            ("retention.ms", "-1"),
            ("max.message.bytes", "1048588"),
        ] {
            assert_eq!(told(name, more), None, "{name}={more}");
        }
        let never = told("min.insync.replicas", "4").unwrap();
        assert!(
            never.starts_with("min.insync.replicas is 4 and must be 3 or less, the copies there are;"),
            "{never}"
        );
        assert!(told("min.insync.replicas", "many").is_some(), "what is no number is not enough");
        assert!(told("max.message.bytes", "-1").is_some(), "only a retention can be without end");
    }

    #[test]
    fn the_catalogue_is_kept_for_ever() {
        let catalog = Settings::of(&options(), CATALOG, 1);
        let mut values = good(&catalog);
        assert_eq!(values["retention.ms"], "-1");
        values.insert("retention.ms".to_owned(), i64::MAX.to_string());
        let shape = Shape { partitions: 1, ..GOOD };
        let findings = catalog.differences(shape, &values);
        assert_eq!(findings.iter().map(|finding| &finding.setting[..]).collect::<Vec<_>>(), ["retention.ms"]);
    }

    #[test]
    fn partitions_and_copies_are_counted_and_all_is_told_at_once() {
        let settings = settings();
        let few = Shape { partitions: 3, replicas: 1, ..GOOD };
        let told = list(&settings.differences(few, &HashMap::new()));
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 9, "{told}");
        let add = "partitions is 3 and must be 4; mend it by: kafka-topics.sh --bootstrap-server one:9092 \
                   --topic north.pulses --alter --partitions 4";
        assert_eq!(lines[0], add);
        let copy = "replication.factor is 1 and must be 3 or more; mend it by: kafka-reassign-partitions.sh \
                    --bootstrap-server one:9092 --reassignment-json-file FILE --execute, where FILE names 3 brokers \
                    for each partition of north.pulses";
        assert_eq!(lines[1], copy);
        let many = settings.differences(Shape { partitions: 5, ..GOOD }, &good(&settings));
        assert_eq!(many.len(), 1);
        let mend = "kafka-topics.sh --bootstrap-server one:9092 --topic north.pulses --delete, where it holds nothing; \
                    else leave what was added empty, and add a generation: pulse catalog add-generation \
                    --partitions 5";
        assert_eq!(many[0].mend, mend);
    }

    #[test]
    fn a_topic_that_is_not_there_is_told_with_all_it_needs() {
        let told = Settings::of(&options(), DEAD_LETTERS, 4).absent().to_string();
        let begin = "topic is absent and must be there; mend it by: kafka-topics.sh --bootstrap-server one:9092 \
                     --topic north.resource-consumption-dlq --create --partitions 4 --replication-factor 3 --config \
                     cleanup.policy=delete --config message.timestamp.type=LogAppendTime";
        assert!(told.starts_with(begin), "{told}");
        assert!(told.ends_with("--config max.message.bytes=1000000"), "{told}");
        let pulses = settings().absent().to_string();
        let mend = "pulse catalog add-incarnation --topic pulses --declare-loss --operator NAME";
        assert!(pulses.ends_with(mend) && !pulses.contains("--create"), "{pulses}");
    }
}
