//! The command line: exit codes, what goes to which stream, configuration.

use super::server::{Home, pulse};
use serde_json::Value;
use std::fs;
use std::process::Output;

fn run(arguments: &[&str]) -> Output {
    pulse().args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn wrong_arguments_end_with_two_and_say_why_on_standard_error() {
    for arguments in [
        &["no-such-command"] as &[&str],
        &["import"],
        &["import", "usage.parquet"],
        &["import", "usage.csv", "--metric", "tokens"],
        &["query", "usage", "--http", "ftp://nowhere"],
        &["query", "usage", "--http", "https://nowhere"],
        &["send", "--grpc", "no address", "--sku", "s", "--quantity", "1", "--unit", "item"],
        &["dlq", "replay"],
        &["dlq", "purge", "--yes"],
        &["dlq", "purge", "--all"],
        &["dlq", "purge", "--all", "--yes", "--tenant", "acme"],
        &["config", "print", "--listen-http", "nowhere"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_server_that_is_not_there_ends_a_command_with_four() {
    let nowhere = ["--http", "127.0.0.1:9", "--grpc", "127.0.0.1:9"];
    for arguments in [
        &["reconcile"] as &[&str],
        &["query", "cost"],
        &["send", "--sku", "s", "--quantity", "1", "--unit", "item"],
    ] {
        let output = run(&[arguments, &nowhere].concat());
        assert_eq!(output.status.code(), Some(4), "{arguments:?}");
        assert!(text(&output.stderr).contains("is `pulse up` running?"), "{}", text(&output.stderr));
    }
}

#[test]
fn curl_prints_the_request_and_asks_nobody() {
    let output =
        run(&["query", "usage", "--tenant", "acme", "--from", "-24h", "--curl", "--http", "127.0.0.1:9"]);
    assert_eq!(text(&output.stdout), "curl -sS 'http://127.0.0.1:9/v1/usage?tenant=acme&from=-24h'\n");
}

#[test]
fn the_configuration_shows_where_each_value_came_from() {
    let home = Home::new();
    let file = home.path("pulse.toml");
    fs::write(&file, "log_filter = \"debug\"\n[ingestor_api]\nrecent_pulses_max = 7\n").unwrap();
    let file = file.to_str().unwrap();
    let mut command = pulse();
    command
        .env("PULSE_INGESTOR_CONSUMER__READ_BYTES", "4096")
        .env("PULSE_PAGE_TOKEN_KEY", "000102030405060708090a0b0c0d0e0f");
    command.args(["config", "print", "--output", "json", "--config", file, "--listen-http", "127.0.0.1:0"]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let find = |key: &str| {
        let item = printed["items"].as_array().unwrap().iter().find(|item| item["key"] == key).unwrap();
        (item["value"].as_str().unwrap().to_owned(), item["origin"].as_str().unwrap().to_owned())
    };
    assert_eq!(find("log_filter"), ("debug".to_owned(), format!("file {file}")));
    assert_eq!(find("ingestor_api.recent_pulses_max"), ("7".to_owned(), format!("file {file}")));
    let variable = "environment PULSE_INGESTOR_CONSUMER__READ_BYTES";
    assert_eq!(find("ingestor_consumer.read_bytes"), ("4096".to_owned(), variable.to_owned()));
    assert_eq!(find("listen_http"), ("127.0.0.1:0".to_owned(), "flag".to_owned()));
    assert_eq!(find("shutdown_deadline_seconds"), ("10".to_owned(), "default".to_owned()));
    assert_eq!(find("page_token_key").0, "***");
}

#[test]
fn a_bad_configuration_ends_with_two_before_anything_is_made() {
    let home = Home::new();
    let file = home.path("pulse.toml");
    for (content, named) in
        [("no_such_key = 1", "no_such_key"), ("log_filter = 7", "log_filter"), ("x = = 1", "pulse.toml")]
    {
        fs::write(&file, content).unwrap();
        let data_dir = home.data_dir();
        for command in [&["up"] as &[&str], &["config", "check"]] {
            let flags = ["--config", file.to_str().unwrap(), "--data-dir", data_dir.to_str().unwrap()];
            let output = run(&[command, &flags].concat());
            assert_eq!(output.status.code(), Some(2), "{command:?} with {content}");
            assert!(
                text(&output.stderr).contains(named) || content == "log_filter = 7",
                "{}",
                text(&output.stderr)
            );
        }
        assert!(!data_dir.exists());
    }
}

#[test]
fn a_second_process_is_told_who_holds_the_directory() {
    let home = Home::new();
    let server = home.start();
    let output = run(&[
        "up",
        "--data-dir",
        home.data_dir().to_str().unwrap(),
        "--listen-http",
        "127.0.0.1:0",
        "--listen-grpc",
        "127.0.0.1:0",
    ]);
    assert_eq!(output.status.code(), Some(1));
    let talk = text(&output.stderr);
    assert!(talk.contains(&server.ready.pid.to_string()) && talk.contains("in use"), "{talk}");
}

#[test]
fn a_foreign_directory_is_left_alone() {
    let home = Home::new();
    fs::create_dir(home.data_dir()).unwrap();
    fs::write(home.data_dir().join("thesis.txt"), "years of work").unwrap();
    let output = run(&["up", "--data-dir", home.data_dir().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("name an empty or a new one"));
    assert_eq!(fs::read_dir(home.data_dir()).unwrap().count(), 1);
}

#[test]
fn a_server_without_a_data_directory_leaves_nothing() {
    let home = Home::new();
    let ready_file = home.path("ready.json");
    let mut command = pulse();
    command.current_dir(home.path(".")).args([
        "up",
        "--ephemeral",
        "--exit-after",
        "1",
        "--listen-http",
        "127.0.0.1:0",
    ]);
    let output =
        command.args(["--listen-grpc", "127.0.0.1:0", "--ready-file"]).arg(&ready_file).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(fs::read_dir(home.path(".")).unwrap().count(), 0);
}

#[test]
fn readiness_names_its_checks() {
    let home = Home::new();
    let server = home.start();
    let (status, text) = server.get("/readyz");
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, answer["status"].as_str()), (200, Some("ready")));
    for check in ["log", "store", "catalog", "clock", "consumer", "drain"] {
        assert_eq!(answer["checks"][check], "ok", "{answer}");
    }
    assert_eq!(server.get("/livez").0, 200);
}
