//! The script behind `make engines`, as far as it goes without starting one.

use super::server::repository;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

fn run(data: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let mut command = Command::new(repository("deploy/engines/run"));
    for name in ["KAFKA_PORT", "CQL_PORT"] {
        command.env_remove(name);
    }
    command.args(arguments).env("ENGINES_DATA", data).envs(settings.iter().copied()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn engines_that_never_ran_are_stopped_and_can_be_stopped_again() {
    let data = TempDir::new().unwrap();
    let status = run(data.path(), &["status"], &[]);
    assert_eq!(status.status.code(), Some(1));
    assert!(stdout(&status).contains("kafka stopped at 127.0.0.1:19092"), "{}", stdout(&status));
    assert!(stdout(&status).contains("cassandra stopped at 127.0.0.1:19042"), "{}", stdout(&status));
    for command in ["down", "kill", "pause", "resume"] {
        assert!(run(data.path(), &[command], &[]).status.success(), "{command}");
    }
}

#[test]
fn a_taken_port_is_refused_with_the_variable_that_names_another() {
    let data = TempDir::new().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (engine, variable) in [("kafka", "KAFKA_PORT"), ("cassandra", "CQL_PORT")] {
        let output = run(data.path(), &["up", engine], &[(variable, &port)]);
        assert!(!output.status.success());
        let expected = format!("port {port} is taken: set {variable}, or 0 for a free one");
        assert!(stderr(&output).contains(&expected), "{}", stderr(&output));
    }
}

#[test]
fn addresses_are_exported_as_servers_and_tests_read_them() {
    let data = TempDir::new().unwrap();
    let output = run(data.path(), &["env"], &[("KAFKA_PORT", "1234"), ("CQL_PORT", "5678")]);
    let lines = "export PULSE_KAFKA__BROKERS=127.0.0.1:1234\nexport PULSE_SCYLLA__NODES=127.0.0.1:5678\n";
    assert_eq!(stdout(&output), lines);
}

#[test]
fn an_instance_keeps_the_ports_it_had() {
    let data = TempDir::new().unwrap();
    std::fs::create_dir(data.path().join("kafka")).unwrap();
    std::fs::write(data.path().join("kafka/port"), "2345\n").unwrap();
    for settings in [&[][..], &[("KAFKA_PORT", "0")]] {
        let output = run(data.path(), &["env"], settings);
        assert!(stdout(&output).contains("PULSE_KAFKA__BROKERS=127.0.0.1:2345\n"), "{}", stdout(&output));
    }
}

#[test]
fn an_engine_that_is_none_is_refused_with_those_there_are() {
    let data = TempDir::new().unwrap();
    let output = run(data.path(), &["up", "scylla"], &[]);
    assert!(!output.status.success());
    assert_eq!(stderr(&output), "engines: there is no engine scylla: kafka or cassandra\n");
}

#[test]
fn settings_of_the_broker_come_last_and_nothing_is_fetched_offline() {
    let script = std::fs::read_to_string(repository("deploy/engines/run")).unwrap();
    let (_, settings) = script.split_once("log.dirs=").unwrap();
    assert!(settings.lines().nth(1).unwrap().starts_with("${KAFKA_SETTINGS"), "a later line wins");
    let (data, maven) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let asked = maven.path().join("asked");
    let fake = maven.path().join("mvn");
    std::fs::write(&fake, format!("#!/bin/sh\necho \"$@\" >>'{}'\nexit 1\n", asked.display())).unwrap();
    std::fs::set_permissions(&fake, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", maven.path().display(), std::env::var_os("PATH").unwrap().display());
    for (offline, expected) in [("1", true), ("", false)] {
        let output =
            run(data.path(), &["install", "kafka"], &[("PATH", &path), ("ENGINES_OFFLINE", offline)]);
        assert!(!output.status.success());
        if stderr(&output).contains("java 17 is not here") {
            return;
        }
        let asked = std::fs::read_to_string(&asked).unwrap();
        assert_eq!(asked.lines().last().unwrap().contains(" -o "), expected, "{asked}");
    }
}
