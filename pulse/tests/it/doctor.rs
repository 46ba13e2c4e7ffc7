//! `pulse doctor` on real engines: what is well, and for each thing that is not the command that mends it.

use super::house::House;
use super::others::Others;
use super::server::Server;
use serde_json::Value;

const PULSES: &str = "resource-consumption.g1";
const DEAD_LETTERS: &str = "resource-consumption-dlq";
const REVISIONS: &str = "processor-storage-consumption";
/// Where nobody listens.
const NOWHERE: &str = "127.0.0.1:9";

/// A house that is begun, and who looks at it.
struct Practice {
    query: Server,
    _consumer: Server,
    others: Others,
    house: House,
}

/// What was looked at.
struct Findings {
    code: Option<i32>,
    items: Vec<Value>,
}

impl Practice {
    fn find() -> Option<Self> {
        let house = House::find()?;
        let [query, consumer] = ["query-api", "ingestor-consumer"].map(|role| house.begin(role, role));
        let others = house.others();
        Some(Self { query: query.ready(), _consumer: consumer.ready(), others, house })
    }

    fn look(&self, settings: &[(&str, &str)]) -> Findings {
        let mut command = self.query.command_of(self.house.command());
        let output = command.args(["doctor", "--output", "json"]).envs(settings.iter().copied()).output();
        let output = output.unwrap();
        let told: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        Findings { code: output.status.code(), items: told["items"].as_array().unwrap().clone() }
    }
}

impl Findings {
    /// What is wrong, each with its advice.
    fn wrong(&self) -> Vec<(&str, &str)> {
        let wrong = self.items.iter().filter(|item| item["status"] == "wrong");
        wrong.map(|item| (item["found"].as_str().unwrap(), item["advice"].as_str().unwrap())).collect()
    }

    /// The advice about what begins so, which is there once.
    fn advice(&self, found: &str) -> &str {
        let wrong = self.wrong();
        let about: Vec<&str> =
            wrong.iter().filter(|(what, _)| what.contains(found)).map(|(_, advice)| *advice).collect();
        assert_eq!(about.len(), 1, "{found}: {wrong:?}");
        about[0]
    }
}

#[test]
fn a_house_that_is_well_has_nothing_to_mend() {
    let Some(practice) = Practice::find() else { return };
    let findings = practice.look(&[]);
    assert_eq!(findings.wrong(), []);
    assert_eq!(findings.code, Some(0));
    let checks: Vec<&str> = findings.items.iter().map(|item| item["check"].as_str().unwrap()).collect();
    let expected = [
        "version",
        "configuration",
        "retention",
        "kafka",
        "kafka topics",
        "kafka clock",
        "scylla",
        "scylla schema",
        "server",
        "readiness",
        "clock",
        "books",
        "lag",
    ];
    assert_eq!(checks, expected);
}

#[test]
fn each_topic_that_is_mis_set_is_a_line_with_the_command_that_sets_it_right() {
    let Some(practice) = Practice::find() else { return };
    let wrong = [
        ("cleanup.policy", "compact", "delete"),
        ("message.timestamp.type", "CreateTime", "LogAppendTime"),
        ("retention.ms", "1000", "604800000"),
        ("retention.bytes", "1000000", "-1"),
        ("max.message.bytes", "2000", "1000000"),
    ];
    practice.others.set(PULSES, &wrong.map(|(name, value, _)| (name, value)));
    practice.others.grow(REVISIONS, 6);
    practice.others.delete(DEAD_LETTERS);
    let findings = practice.look(&[]);
    assert_eq!(findings.code, Some(1));
    assert_eq!(findings.wrong().len(), wrong.len() + 2, "{:?}", findings.wrong());
    let mut right = Vec::new();
    for (name, value, wanted) in wrong {
        let advice = findings.advice(&format!("{PULSES}: {name} is {value} and must be {wanted}"));
        assert!(advice.starts_with("kafka-configs.sh --bootstrap-server "), "{advice}");
        let (_, set) = advice.split_once(" --add-config ").unwrap();
        right.push(set.split_once('=').unwrap());
    }
    let grown = findings.advice(&format!("{REVISIONS}: partitions is 6 and must be 4"));
    assert!(grown.contains("pulse catalog add-generation --partitions 6"), "{grown}");
    let absent = findings.advice(&format!("{DEAD_LETTERS}: topic is absent and must be there"));
    assert!(absent.contains("--create --partitions 4 --replication-factor 1"), "{absent}");

    practice.others.set(PULSES, &right);
    practice.others.create(DEAD_LETTERS, 4);
    let mended = practice.look(&[]);
    assert_eq!(mended.wrong().len(), 1, "{:?}", mended.wrong());
    mended.advice("partitions is 6");
}

#[test]
fn a_schema_that_is_missing_or_altered_is_told_and_applied() {
    let Some(practice) = Practice::find() else { return };
    let elsewhere = format!("{}_x", practice.house.keyspace());
    let missing = practice.look(&[("PULSE_SCYLLA__KEYSPACE", &elsewhere)]);
    let apply = "run `pulse schema apply`; `pulse schema check` shows the statement";
    assert_eq!(missing.advice(&format!("keyspace {elsewhere}: existence is absent")), apply);
    assert_eq!(missing.wrong().len(), 1, "{:?}", missing.wrong());

    let table = format!("{}.checkpoint", practice.house.keyspace());
    practice.house.cql(&format!("ALTER TABLE {table} WITH gc_grace_seconds = 9"));
    practice.house.cql(&format!("DROP TABLE {}.page", practice.house.keyspace()));
    let altered = practice.look(&[]);
    assert_eq!((altered.code, altered.wrong().len()), (Some(1), 2), "{:?}", altered.wrong());
    assert_eq!(altered.advice("checkpoint: gc_grace_seconds is 9"), apply);
    assert_eq!(altered.advice("page: existence is absent"), apply);
    let applied = practice.house.command().args(["schema", "apply"]).output().unwrap();
    assert_eq!(applied.status.code(), Some(0), "{}", String::from_utf8_lossy(&applied.stderr));
    assert_eq!(practice.look(&[]).wrong(), []);
}

#[test]
fn what_does_not_answer_is_told_with_the_key_that_names_it() {
    let Some(practice) = Practice::find() else { return };
    for (variable, advice) in [
        ("PULSE_KAFKA__BROKERS", "start it, or name where it is in kafka.brokers"),
        ("PULSE_SCYLLA__NODES", "start it, or name where it is in scylla.nodes"),
        ("PULSE_HTTP", "start one with `pulse up`, or name it with --http"),
    ] {
        let findings = practice.look(&[(variable, NOWHERE)]);
        assert_eq!((findings.code, findings.wrong().len()), (Some(1), 1), "{:?}", findings.wrong());
        assert_eq!(findings.advice(NOWHERE), advice);
    }
}
