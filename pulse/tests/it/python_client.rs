//! Clients in Python that know nothing of us: one generated from the original proto, and the SDK of `CloudEvents`. What
//! was written for the first service, or for the standard, works.

use super::server::{Home, Server, repository};
use serde_json::Value;
use std::process::{Command, Output};

fn python(arguments: &[&str]) -> Output {
    Command::new("python3").args(arguments).output().unwrap()
}

/// Whether those modules are there; their packages are asked for by name where they must be.
fn has(modules: &str, packages: &str) -> bool {
    let is_there = python(&["-c", &format!("import {modules}")]).status.success();
    if !is_there {
        let required = std::env::var_os("PULSE_TEST_REQUIRE_PYTHON").is_some();
        assert!(!required, "the Python packages {packages} are missing");
        println!("left out: the Python packages {packages} are missing");
    }
    is_there
}

/// What a script prints.
fn run(script: &str, arguments: &[&str]) -> String {
    let script = repository("pulse/tests/python").join(script);
    let output = python(&[&[script.to_str().unwrap()], arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn consume(server: &Server, sku: &str, amount: &str, unity: &str) -> String {
    let (protos, address) = (repository("proto"), server.ready.grpc.to_string());
    run("consume.py", &[protos.to_str().unwrap(), &address, "acme", sku, amount, unity])
}

#[test]
fn the_sdk_of_cloud_events_reports_usage_in_every_mode() {
    if !has("cloudevents.core", "cloudevents") {
        return;
    }
    let home = Home::new();
    let server = home.start().with_catalog();
    let address = server.ready.http.to_string();
    let printed = run("cloud_events.py", &[&address, "acme", "llm.input", "token"]);
    let answers: Vec<Value> = serde_json::from_str(&printed).unwrap();
    let items: Vec<_> = answers.iter().flat_map(|answer| answer["items"].as_array().unwrap()).collect();
    assert_eq!(answers.iter().map(|answer| &answer["status"]).collect::<Vec<_>>(), [207, 207, 207]);
    assert!(items.iter().all(|item| item["status"] == "accepted"), "{items:?}");
    // A percent sign of the binary mode's headers is none of the id's.
    let ids: Vec<&str> = items.iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["event 1/é", "event 2/é", "event 3/é", "event 4/é"]);
    server.settle();
    let usage = server.json(0, &["query", "usage", "--tenant", "acme", "--from", "-1h"]);
    assert_eq!(
        (usage["items"][0]["quantity"].as_str(), usage["items"][0]["count"].as_str()),
        (Some("10"), Some("4"))
    );
}

#[test]
fn a_python_client_of_the_original_service_reports_usage() {
    if !has("grpc, grpc_tools", "grpcio and grpcio-tools") {
        return;
    }
    let home = Home::new();
    let server = home.start().with_catalog();
    assert_eq!(consume(&server, "llm.input", "41", "token"), "OK");
    assert_eq!(consume(&server, "llm.input", "1", "tokens"), "OK");
    let refused = consume(&server, "no.such.sku", "1", "token");
    assert!(refused.starts_with("INVALID_ARGUMENT") && refused.contains("sku"), "{refused}");
    server.settle();
    let usage = server.json(0, &["query", "usage", "--tenant", "acme", "--from", "-1h"]);
    assert_eq!(usage["items"][0]["quantity"], "42");
    assert_eq!(usage["items"][0]["count"], "2");
    let kept = server.json(0, &["dlq", "ls"]);
    assert_eq!(kept["items"][0]["reason"], "UNKNOWN_SKU");
}
