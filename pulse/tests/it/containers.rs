//! What containers start is what `make engines` starts and what the tests of the engines use; and the image says by
//! itself whether it is well.

use super::server::{Home, eventually, pulse, repository};
use backends::engines::{KAFKA_IMAGE, SCYLLA_ARGUMENTS, SCYLLA_IMAGE};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Command, Output};

const ROLES: [&str; 4] = ["query-api", "ingestor-api", "catalog", "ingestor-consumer"];

fn read(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap()
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap()
}

fn services() -> BTreeMap<String, Value> {
    serde_json::from_value(yaml("compose.yaml")["services"].clone()).unwrap()
}

/// Whether it runs the image that is built here.
fn is_ours(service: &Value) -> bool {
    service["image"] == "pulse"
}

/// Settings of the broker, one a line.
fn properties(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('=')).collect()
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().map(|item| item.as_str().unwrap()).collect()
}

/// The version of the first dependency of a pom.
fn version(pom: &str) -> String {
    let text = read(pom);
    let (_, dependency) = text.split_once("<dependency>").unwrap();
    let (_, version) = dependency.split_once("<version>").unwrap();
    version.split_once('<').unwrap().0.to_owned()
}

#[test]
fn images_are_pinned_and_those_of_the_tests() {
    let services = services();
    assert_eq!(services["kafka"]["image"], KAFKA_IMAGE);
    assert_eq!(services["scylla"]["image"], SCYLLA_IMAGE);
    assert_eq!(KAFKA_IMAGE, format!("apache/kafka:{}", version("deploy/engines/kafka/pom.xml")));
    for (name, service) in services.iter().filter(|(_, service)| !is_ours(service)) {
        let (_, tag) = service["image"].as_str().unwrap().split_once(':').unwrap();
        assert!(tag.contains('.') && tag != "latest", "{name} runs {tag}");
    }
    let dockerfile = read("Dockerfile");
    let bases: Vec<&str> = dockerfile.lines().filter_map(|line| line.strip_prefix("FROM ")).collect();
    assert!(bases.len() == 2 && bases.iter().all(|base| base.contains('.')), "{bases:?}");
}

#[test]
fn the_broker_of_compose_has_the_settings_of_make_engines() {
    let kafka = &services()["kafka"];
    let mount = "./deploy/engines/kafka/server.properties:/mnt/shared/config/server.properties:ro";
    assert!(strings(&kafka["volumes"]).contains(&mount));
    let variables = kafka["environment"].as_object().unwrap().keys();
    let added: BTreeSet<String> =
        variables.map(|name| name.strip_prefix("KAFKA_").unwrap().to_lowercase().replace('_', ".")).collect();
    let places = ["advertised.listeners", "controller.quorum.voters", "listeners", "log.dirs"];
    assert_eq!(
        added,
        places.map(str::to_owned).into(),
        "variables say only where it listens and keeps its data"
    );
    let script = read("deploy/engines/run");
    for name in places {
        assert!(script.contains(&format!("\n{name}=")), "deploy/engines/run does not set {name}");
    }
}

#[test]
fn topics_as_they_are_made_by_default_fit_the_one_broker() {
    let settings = read("deploy/engines/kafka/server.properties");
    let settings = properties(&settings);
    let output = pulse().args(["config", "print", "--output", "json"]).output().unwrap();
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let default = |key: &str| {
        let items = printed["items"].as_array().unwrap();
        items.iter().find(|item| item["key"] == key).unwrap()["value"].as_str().unwrap().to_owned()
    };
    assert_eq!(default("kafka.replication"), settings["default.replication.factor"]);
    assert_eq!(default("kafka.min_insync_replicas"), settings["min.insync.replicas"]);
    assert_eq!(settings["auto.create.topics.enable"], "false", "only `pulse` makes topics");
    assert_eq!(settings["unclean.leader.election.enable"], "false", "it would lose what was acknowledged");
}

#[test]
fn every_store_syncs_before_it_answers() {
    assert_eq!(services()["scylla"]["command"], SCYLLA_ARGUMENTS.join(" "));
    assert!(SCYLLA_ARGUMENTS.join(" ").contains("--commitlog-sync batch"));
    assert_eq!(yaml("deploy/engines/cassandra/cassandra.yaml")["commitlog_sync"], "batch");
}

/// Builds of several services go on at once, and the second that exports the same name fails where it is new.
#[test]
fn one_service_builds_the_image_and_nobody_looks_for_it_elsewhere() {
    let services = services();
    let ours: Vec<(&str, &Value)> = services
        .iter()
        .filter(|(_, service)| is_ours(service))
        .map(|(name, service)| (name.as_str(), service))
        .collect();
    assert_eq!(ours.len(), ROLES.len() + 1);
    for (name, service) in &ours {
        assert_eq!(service["pull_policy"], "never", "{name}");
    }
    let builders = ours.iter().filter(|(_, service)| !service["build"].is_null());
    assert_eq!(builders.map(|(name, _)| *name).collect::<Vec<_>>(), ["schema"]);
}

#[test]
fn each_role_is_a_service_that_waits_for_the_tables() {
    let services = services();
    for role in ROLES {
        let service = &services[role];
        assert_eq!(strings(&service["command"]), ["serve", role]);
        assert_eq!(service["depends_on"]["schema"]["condition"], "service_completed_successfully");
        assert_eq!(service["environment"]["PULSE_KAFKA__BROKERS"], "kafka:9092");
        assert_eq!(service["environment"]["PULSE_SCYLLA__NODES"], "scylla:9042");
        assert_eq!(service["stop_grace_period"], "15s", "a drain takes ten at most");
        assert!(service["healthcheck"].is_null(), "the image has its own");
    }
    assert_eq!(strings(&services["schema"]["command"]), ["schema", "apply"]);
    for engine in ["kafka", "scylla"] {
        assert_eq!(services["schema"]["depends_on"][engine]["condition"], "service_healthy");
        assert!(services[engine]["healthcheck"]["test"].is_array());
    }
}

#[test]
fn commands_of_compose_are_commands_of_pulse() {
    for (name, service) in services().into_iter().filter(|(_, service)| is_ours(service)) {
        let output = pulse().args(strings(&service["command"])).arg("--help").output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn what_a_build_reads_reaches_the_builder() {
    let ignored = read(".dockerignore");
    let kept: BTreeSet<&str> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let manifest: toml::Table = toml::from_str(&read("Cargo.toml")).unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    let members = members.iter().map(|member| member.as_str().unwrap());
    for path in members.chain([".cargo", "Cargo.toml", "Cargo.lock", "examples"]) {
        assert!(kept.contains(path), "{path} is in .dockerignore");
        assert!(repository(path).exists());
    }
}

/// The ports of this machine that a service takes, a range by its first.
fn published(service: &Value) -> Vec<String> {
    let address = |port: &str| {
        let (address, _inside) = port.rsplit_once(':').unwrap();
        address.split_once('-').map_or(address, |(first, _)| first).to_owned()
    };
    strings(&service["ports"]).into_iter().map(address).collect()
}

#[test]
fn every_port_is_of_this_machine_alone_and_in_the_tree_of_addresses() {
    let tree = read("deploy/addresses.txt");
    let all: Vec<String> = services().values().flat_map(published).collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "{all:?}");
    for address in all {
        assert!(address.starts_with("127.0.0.1:"), "{address}");
        assert!(tree.contains(&address), "{address} is not in deploy/addresses.txt");
    }
}

#[test]
fn the_tree_has_the_branches_that_a_server_prints() {
    let home = Home::new();
    let output = home.path("welcome");
    let server = home.start_with(|command| command.stdout(fs::File::create(&output).unwrap()));
    let welcome = eventually("a welcome", || {
        fs::read_to_string(&output).ok().filter(|text| text.contains("pulse.v1.IngestService"))
    });
    let paths = |text: &str, root: &str| -> Vec<String> {
        let urls = text.split_whitespace().filter_map(|word| word.strip_prefix(root));
        urls.filter(|path| !path.is_empty()).map(str::to_owned).collect()
    };
    let printed = paths(&welcome, &format!("http://{}", server.ready.http));
    assert!(printed.len() >= 8, "{printed:?}");
    assert_eq!(paths(&read("deploy/addresses.txt"), "http://127.0.0.1:8080"), printed);
}

/// The health check of the image, asked of another port.
fn check_health(port: u16) -> Output {
    let dockerfile = read("Dockerfile").replace("\\\n", " ");
    let line = dockerfile.lines().find(|line| line.starts_with("HEALTHCHECK ")).unwrap();
    let (_, command) = line.split_once("CMD ").unwrap();
    let words: Vec<String> = serde_json::from_str(command).unwrap();
    let words: Vec<String> = words.iter().map(|word| word.replace("8080", &port.to_string())).collect();
    Command::new(&words[0]).args(&words[1..]).output().unwrap()
}

#[test]
fn the_image_knows_whether_it_is_well() {
    let home = Home::new();
    let server = home.start();
    let port = server.ready.http.port();
    let output = check_health(port);
    assert!(output.status.success(), "{output:?}");
    drop(server);
    assert!(!check_health(port).status.success());
}
