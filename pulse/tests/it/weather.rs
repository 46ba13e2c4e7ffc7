//! What others do to the log stops what it concerns, with an alarm that has a name and says what to do, or nothing at
//! all: nothing is skipped, nothing is counted twice, nothing begins anew by itself.

use super::house::House;
use super::others::Others;
use super::server::{Process, Server, eventually};
use serde_json::Value;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use tempfile::TempDir;

const PULSES: &str = "resource-consumption.g1";
const PARTITIONS: i32 = 4;

/// A house whose consumer comes and goes.
struct Site {
    edge: Server,
    query: Server,
    _catalog: Server,
    logs: TempDir,
    others: Others,
    house: House,
}

/// A consumer and what it tells.
struct Consumer {
    process: Process,
    log: PathBuf,
    ready: PathBuf,
}

impl Site {
    fn find() -> Option<Self> {
        let house = House::find()?;
        let [edge, catalog, query] =
            ["ingestor-api", "catalog", "query-api"].map(|role| house.begin(role, role));
        let (edge, query) = (edge.ready(), query.ready());
        let (others, logs) = (house.others(), TempDir::new().unwrap());
        Some(Self { _catalog: catalog.ready().with_catalog(), house, others, edge, query, logs })
    }

    fn consumer(&self, name: &str) -> Consumer {
        let [log, ready] = ["log", "ready"].map(|kind| self.logs.path().join(format!("{name}.{kind}")));
        let mut command = self.house.command();
        command.args(["serve", "ingestor-consumer", "--ready-file"]).arg(&ready);
        command.stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        Consumer { process: Process::spawn(&mut command), log, ready }
    }

    fn send(&self, quantity: u32) {
        let quantity = quantity.to_string();
        let pulse = ["send", "--tenant", "acme", "--sku", "llm.input", "--unit", "token", "--quantity"];
        self.edge.json(0, &[&pulse[..], &[&quantity]].concat());
    }

    /// The edge that wrote to a topic acknowledges nothing in another one of its name.
    fn is_not_acknowledged(&self) {
        let pulse = ["send", "--tenant", "acme", "--sku", "llm.input", "--unit", "token", "--quantity", "1"];
        let mut sending = Process::spawn(self.edge.command().args(pulse));
        let told = eventually("the edge's refusal", || {
            let told = readiness(&self.edge)["checks"]["log"].as_str().unwrap().to_owned();
            told.contains("was made anew").then_some(told)
        });
        assert!(told.contains("pulse catalog add-incarnation"), "{told}");
        assert!(sending.is_running(), "it has no acknowledgement yet, and tries again");
    }

    /// What is counted by now.
    fn find_usage(&self) -> Option<String> {
        let ask = ["query", "usage", "--tenant", "acme", "--from", "-24h", "--sku", "llm.input"];
        let usage = self.query.json(0, &ask);
        usage["items"][0]["quantity"].as_str().map(str::to_owned)
    }

    fn counts(&self, expected: &str) {
        eventually("the count", || (self.find_usage().as_deref() == Some(expected)).then_some(()));
    }

    /// A consumer that counted one pulse and went; another pulse lies in the log, acknowledged.
    fn counted_and_left(&self) {
        self.send(5);
        let consumer = self.consumer("first").into_server();
        self.counts("5");
        self.query.settle();
        consumer.signal("TERM");
        assert_eq!(consumer.exit_code(), Some(0));
        self.send(7);
    }
}

impl Consumer {
    fn into_server(self) -> Server {
        Server::find_ready(self.process, &self.ready).expect("the consumer ended before it was ready")
    }

    /// The alarm of that name, as the log tells it.
    fn alarm(&self, name: &str) -> String {
        eventually(name, || find_alarm(&fs::read_to_string(&self.log).unwrap(), name))
    }
}

fn find_alarm(log: &str, name: &str) -> Option<String> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let alarms = lines.filter_map(|line| line["alarm"].as_str().map(str::to_owned));
    alarms.into_iter().find(|alarm| alarm.starts_with(name))
}

fn readiness(consumer: &Server) -> Value {
    serde_json::from_str(&consumer.get("/readyz").1).unwrap()
}

#[test]
fn records_that_retention_took_before_they_were_counted_are_not_passed_over() {
    let Some(site) = Site::find() else { return };
    site.counted_and_left();
    site.others.trim(PULSES, PARTITIONS);
    site.send(11);
    let consumer = site.consumer("second");
    let alarm = consumer.alarm("RETENTION_PASSED");
    assert_eq!(
        alarm,
        "RETENTION_PASSED: the log begins at offset 2, 1 is not counted yet; restore the log or, where they are gone for good, declare the loss by `pulse catalog add-incarnation`; `pulse doctor` says what keeps records longer"
    );
    assert_eq!(site.find_usage().as_deref(), Some("5"));
    let books = site.query.json(6, &["reconcile"]);
    assert_eq!((&books["applied"], &books["in_flight"]), (&"1".into(), &"1".into()));
    let lost = books["checks"].as_array().unwrap().iter().find(|check| check["name"] == "lost_records");
    assert_eq!(lost.unwrap()["found"], "1");
}

#[test]
fn a_topic_that_goes_stops_its_generation_and_one_made_anew_is_not_taken_for_it() {
    let Some(site) = Site::find() else { return };
    site.send(5);
    let first = site.consumer("first");
    let log = first.log.clone();
    let consumer = first.into_server();
    site.counts("5");
    site.query.settle();
    site.others.delete(PULSES);
    let gone = format!(
        "TOPIC_GONE: the log has no partition {PULSES}/0 any more; run `pulse doctor`, restore the topic, and start this process again"
    );
    let told = eventually("the alarm", || find_alarm(&fs::read_to_string(&log).unwrap(), "TOPIC_GONE"));
    assert_eq!(told, gone);
    let ready = readiness(&consumer);
    assert_eq!(ready["status"], "not ready");
    assert!(ready["checks"]["consumer"].as_str().unwrap().contains(&gone), "{ready}");
    let doctor = consumer.command_of(site.house.command()).arg("doctor").output().unwrap();
    let told = String::from_utf8(doctor.stdout).unwrap();
    assert_eq!(doctor.status.code(), Some(1));
    assert!(told.contains("TOPIC_GONE") && told.contains("pulse catalog add-incarnation"), "{told}");
    consumer.signal("TERM");
    assert_eq!(consumer.exit_code(), Some(0));
    let refused = site.consumer("without");
    let refusal = eventually("a refusal", || {
        let text = fs::read_to_string(&refused.log).unwrap();
        text.contains("topic is absent and must be there; mend it by: restore it").then_some(text)
    });
    assert!(refusal.contains("make none by hand: pulse catalog add-incarnation"), "{refusal}");

    site.others.create(PULSES, PARTITIONS);
    let alarm = site.consumer("empty").alarm("LOG_TOO_SHORT");
    let declare = "or declare the loss by `pulse catalog add-incarnation`";
    let expected = format!("the log ends at offset 0, 1 was already reached; restore the log, {declare}");
    assert_eq!(alarm, format!("LOG_TOO_SHORT: {expected}"));
    site.is_not_acknowledged();
    site.others.write(PULSES, PARTITIONS, 3);
    let alarm = site.consumer("foreign").alarm("FINGERPRINT_MISMATCH");
    let expected =
        format!("record 0 is not the one that was counted; the log was replaced, restore it, {declare}");
    assert_eq!(alarm, format!("FINGERPRINT_MISMATCH: {expected}"));
    assert_eq!(site.find_usage().as_deref(), Some("5"));
}

#[test]
fn partitions_that_others_add_stop_and_those_of_the_house_go_on() {
    let Some(site) = Site::find() else { return };
    let first = site.consumer("first");
    let log = first.log.clone();
    let consumer = first.into_server();
    site.send(5);
    site.counts("5");
    site.others.grow(PULSES, 6);
    let alarm = "PARTITION_ADDED: resource-consumption.g1/5 was added to a topic of 4; leave it empty, and run `pulse doctor`";
    let added = format!("PARTITION_ADDED: {PULSES}/5");
    let told = eventually("the alarm", || find_alarm(&fs::read_to_string(&log).unwrap(), &added));
    assert_eq!(told, alarm);
    site.send(7);
    site.counts("12");
    let ready = readiness(&consumer);
    assert!(ready["checks"]["consumer"].as_str().unwrap().contains(alarm), "{ready}");
    assert_eq!(ready["checks"]["log"], "ok");
    consumer.signal("TERM");
    assert_eq!(consumer.exit_code(), Some(0));
    let again = site.consumer("again");
    site.send(11);
    site.counts("23");
    assert_eq!(again.alarm(&added), alarm);
}

#[test]
fn offsets_that_others_commit_move_nothing() {
    let Some(site) = Site::find() else { return };
    site.counted_and_left();
    let group = site.house.group();
    let mut expected = 12;
    for (name, offset) in [("ahead", 1_000), ("behind", 0)] {
        site.others.commit(group, PULSES, PARTITIONS, offset);
        let consumer = site.consumer(name).into_server();
        site.counts(&expected.to_string());
        site.send(11);
        expected += 11;
        site.counts(&expected.to_string());
        consumer.signal("TERM");
        assert_eq!(consumer.exit_code(), Some(0));
    }
    let books = site.query.json(0, &["reconcile"]);
    assert_eq!((&books["applied"], &books["duplicate"]), (&"4".into(), &"0".into()));
}
