//! Commands against one server: questions, explanations, catalogue, copies.

use super::server::{Home, Server, eventually, repository};
use serde_json::Value;
use std::fs;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A server on which acme has used 1,500 tokens in one pulse.
fn with_usage(home: &Home) -> (Server, String) {
    let server = home.start().with_catalog();
    let sent = server.json(
        0,
        &["send", "--tenant", "acme", "--sku", "llm.input", "--quantity", "1500", "--unit", "token"],
    );
    server.settle();
    (server, sent["id"].as_str().unwrap().to_owned())
}

#[test]
fn a_charge_is_explained_by_the_pulse_that_is_traced_to_it() {
    let home = Home::new();
    let (server, id) = with_usage(&home);
    let explain = ["explain", "--tenant", "acme", "--sku", "llm.input", "--output", "json"];
    let explanation: Value = eventually("a charge", || {
        let output = server.run(&explain);
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    });
    assert_eq!(explanation["charge"]["quantity"], "1500");
    assert_eq!(explanation["items"][0]["pulse"]["id"], id.as_str());
    // 1,500 × 3.00 / 1,000,000.
    assert_eq!(explanation["charge"]["amount_unrounded"], "0.0045");
    let table = text(&server.run(&explain[..5]).stdout);
    for title in ["Charge\n", "Steps\n", "Usage\n", "Pulses\n"] {
        assert!(table.contains(title), "{table}");
    }
    let trace = server.json(0, &["trace", &id, "--tenant", "acme"]);
    assert_eq!(
        (&trace["outcome"], &trace["charge_id"]),
        (&Value::from("counted"), &explanation["charge"]["id"])
    );
    let fields = text(&server.run(&["trace", &id, "--tenant", "acme", "--output", "csv"]).stdout);
    assert!(fields.contains("outcome,counted\n") && fields.contains("record.partition,"), "{fields}");
    let unknown =
        server.run(&["trace", "never-sent", "--tenant", "acme", "--event-time", "2026-01-01T00:00:00Z"]);
    assert_eq!(unknown.status.code(), Some(1));
}

#[test]
fn every_read_shows_its_curl_line_and_asks_nobody() {
    let home = Home::new();
    let nowhere = ["--curl", "--http", "127.0.0.1:9"];
    for (arguments, path) in [
        (&["reconcile"] as &[&str], "reconciliation"),
        (&["top", "--once"], "pipeline"),
        (&["dlq", "ls", "--reason", "TOO_LATE"], "dead-letters?reason=TOO_LATE"),
        (&["dlq", "show", "1-2"], "dead-letters/1-2"),
        (&["dlq", "stats"], "dead-letters"),
        (&["trace", "a", "--tenant", "t"], "pulses/a?tenant=t"),
        (&["explain", "c"], "charges/c/explanation?page_size=20"),
        (&["query", "cost"], "costs"),
    ] {
        let mut command = super::server::pulse();
        command.current_dir(home.path(".")).args(arguments).args(nowhere);
        let output = command.output().unwrap();
        assert_eq!(
            text(&output.stdout),
            format!("curl -sS 'http://127.0.0.1:9/v1/{path}'\n"),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_catalogue_that_was_exported_makes_another_server_the_same() {
    let (home, other) = (Home::new(), Home::new());
    let server = home.start().with_catalog();
    let twin = other.start();
    for name in ["catalog.yaml", "catalog.json"] {
        let file = home.path(name);
        let file = file.to_str().unwrap();
        assert_eq!(server.run(&["catalog", "export", file]).status.code(), Some(0));
        twin.json(0, &["catalog", "apply", file]);
        let (one, two) = (server.run(&["catalog", "export", "-"]), twin.run(&["catalog", "export", "-"]));
        assert_eq!(text(&one.stdout), text(&two.stdout), "{name}");
        assert!(text(&one.stdout).contains("kind: \"contract\""), "{}", text(&one.stdout));
    }
}

#[test]
fn a_fault_in_a_catalogue_is_named_by_the_line_of_the_file() {
    let home = Home::new();
    let server = home.start();
    let file = home.path("bad.yaml");
    fs::write(&file, "# why\nkind: tenant\nid: t\nname: T\nstatus: active\n---\nkind: sku\nid: s\nunit: furlong\ndescription: x\nservice_category: x\ndimensions: []\naggregation: sum\n").unwrap();
    let output = server.run(&["catalog", "apply", file.to_str().unwrap()]);
    assert_ne!(output.status.code(), Some(0));
    let talk = text(&output.stderr);
    assert!(talk.contains("bad.yaml:7: sku s"), "{talk}");
}

#[test]
fn plans_are_checked_and_told_apart() {
    let home = Home::new();
    let server = home.start().with_catalog();
    let plan = |name: &str, sku: &str, price: &str| {
        let file = home.path(name);
        fs::write(&file, format!("kind: plan\nplan: p\ncurrency: USD\neffective_time: 2026-01-01T00:00:00Z\nprices:\n  - {{id: a, sku: {sku}, unit: token, model: per_unit, price: \"{price}\"}}\n")).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let (good, dearer, unknown, broken) = (
        plan("a.yaml", "llm.input", "1"),
        plan("b.yaml", "llm.input", "2"),
        plan("c.yaml", "nothing", "1"),
        plan("d.yaml", "llm.input", "-1"),
    );
    assert_eq!(server.run(&["price", "lint", &good]).status.code(), Some(0));
    let fault = server.json(1, &["price", "lint", &unknown]);
    assert_eq!(
        (&fault["items"][0]["line"], &fault["items"][0]["field"]),
        (&Value::from(6), &Value::from("prices[0].sku"))
    );
    assert_eq!(server.run(&["price", "lint", "--offline", &unknown]).status.code(), Some(0));
    assert_eq!(server.run(&["price", "lint", "--offline", &broken]).status.code(), Some(1));
    let diff = text(&server.run(&["price", "diff", &good, &dearer, "--output", "csv"]).stdout);
    assert_eq!(diff, "price,change,field,before,after\na,changed,price,1,2\n");
}

#[test]
fn dead_letters_are_counted_looked_at_and_given_up_only_where_it_is_meant() {
    let home = Home::new();
    let server = home.start().with_catalog();
    let pulses = repository("examples/pulses.ndjson");
    let sent = server.command().arg("send").stdin(fs::File::open(pulses).unwrap()).output().unwrap();
    assert_eq!(sent.status.code(), Some(3));
    server.settle();
    let stats = server.json(0, &["dlq", "stats"]);
    assert_eq!(
        (&stats["items"][0]["reason"], &stats["items"][0]["count"]),
        (&Value::from("UNKNOWN_SKU"), &Value::from("1"))
    );
    assert_eq!(server.run(&["dlq", "purge", "--reason", "UNKNOWN_SKU"]).status.code(), Some(2));
    let looked = server.json(0, &["dlq", "purge", "--reason", "UNKNOWN_SKU", "--dry-run"]);
    assert_eq!(looked["items"].as_array().unwrap().len(), 1);
    assert_eq!(server.json(0, &["dlq", "stats"])["items"], stats["items"], "looking changes nothing");
    server.json(0, &["dlq", "purge", "--reason", "UNKNOWN_SKU", "--yes"]);
    server.settle();
    eventually("an empty list", || {
        (server.json(0, &["dlq", "ls"])["items"].as_array().unwrap().is_empty()).then_some(())
    });
    let empty = server.run(&["dlq", "ls"]);
    assert_eq!((text(&empty.stdout).as_str(), text(&empty.stderr).as_str()), ("", "nothing found\n"));
}

#[test]
fn a_copy_made_while_the_server_works_restores_its_usage() {
    let home = Home::new();
    let (server, _) = with_usage(&home);
    let (copy, data) = (home.path("copy"), home.data_dir());
    let (copy, data) = (copy.to_str().unwrap(), data.to_str().unwrap());
    let output = server.run(&["backup", copy, "--data-dir", data]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(
        server.run(&["backup", copy, "--data-dir", data]).status.code(),
        Some(2),
        "nothing is written over"
    );
    let other = Home::new();
    let restored = server.run(&["restore", copy, "--data-dir", other.data_dir().to_str().unwrap()]);
    assert_eq!(restored.status.code(), Some(0), "{}", text(&restored.stderr));
    let usage = |server: &Server| server.json(0, &["query", "usage", "--tenant", "acme"])["items"].clone();
    let twin = other.start();
    twin.settle();
    assert_eq!(usage(&twin), usage(&server));
    assert_eq!(usage(&twin)[0]["quantity"], "1500");
}

#[test]
fn the_pipeline_is_shown_and_a_healthy_house_needs_no_doctor() {
    let home = Home::new();
    let (server, _) = with_usage(&home);
    let top = text(&server.run(&["top", "--once", "--output", "csv"]).stdout);
    let last = top.lines().last().unwrap();
    assert!(
        top.starts_with("partition,") && last.starts_with("all,") && last.ends_with(",1,0,0,1,true"),
        "{top}"
    );
    let data_dir = home.data_dir();
    let findings = server.json(0, &["doctor", "--data-dir", data_dir.to_str().unwrap()]);
    let checks: Vec<&str> =
        findings["items"].as_array().unwrap().iter().map(|item| item["check"].as_str().unwrap()).collect();
    let here = ["version", "configuration", "data directory", "disk space"];
    let there = ["server", "readiness", "clock", "books", "lag"];
    assert_eq!(checks, [&here[..], &there].concat());
    drop(server);
    let output = super::server::pulse()
        .args(["doctor", "--http", "127.0.0.1:9"])
        .current_dir(home.path("."))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("start one with `pulse up`"), "{}", text(&output.stdout));
}

#[test]
fn where_nobody_pays_there_is_nothing_to_wait_for() {
    let home = Home::new();
    let output = home.start().run(&["query", "usage", "--wait"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("the catalogue has no tenant"), "{}", text(&output.stderr));
}

#[test]
fn nothing_to_send_is_a_wrong_use() {
    let home = Home::new();
    let server = home.start();
    let output = server
        .command()
        .args(["send", "--tenant", "acme"])
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--sku, --quantity and --unit"), "{}", text(&output.stderr));
}

#[test]
fn completions_know_the_commands() {
    let script = super::server::pulse().args(["completions", "bash"]).output().unwrap();
    assert!(text(&script.stdout).contains("simulate"));
}
