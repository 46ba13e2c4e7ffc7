//! The two pages that are written by the code: keys and metrics. `PULSE_UPDATE_DOCS=1` writes them anew.

use super::super::server::{pulse, repository};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

/// Where metrics are named.
const ROOMS: [&str; 7] =
    ["backends", "catalog", "ingestor-api", "ingestor-consumer", "pulse", "query-api", "rest"];

/// Compares a page with what it must say, or writes it.
fn compare(name: &str, expected: &str) {
    let path = repository(name);
    if std::env::var_os("PULSE_UPDATE_DOCS").is_some() {
        return fs::write(path, expected).unwrap();
    }
    let written = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(written, expected, "{name} is old: run this test with PULSE_UPDATE_DOCS=1");
}

/// The metrics that a file names, each with its comment, which says how to read it.
fn metrics_of(source: &str) -> Vec<(String, String)> {
    let mut comment = Vec::new();
    let mut metrics = Vec::new();
    for line in source.lines() {
        if let Some(text) = line.trim().strip_prefix("/// ") {
            comment.push(text);
            continue;
        }
        let name = line.split_once("const ").and_then(|(_, rest)| rest.split_once(": &str = \"pulse_"));
        if let Some(name) = name.and_then(|(_, rest)| rest.split_once('"')) {
            metrics.push((format!("pulse_{}", name.0), comment.join(" ")));
        }
        comment.clear();
    }
    metrics
}

fn metrics() -> BTreeMap<String, String> {
    let sources = ROOMS
        .iter()
        .filter_map(|room| fs::read_to_string(repository(&format!("{room}/src/metrics.rs"))).ok());
    sources.flat_map(|source| metrics_of(&source)).collect()
}

#[test]
fn the_page_on_metrics_lists_every_metric_and_how_to_read_it() {
    let metrics = metrics();
    for (name, comment) in &metrics {
        assert!(comment.len() > 10, "{name} does not say how to read it");
    }
    let mut page = "# Metrics\n\nServed at `/metrics`. Names ending in `_total` count up from the start of the process: read their rate. \
         Those ending in `_seconds`, `_bytes`, `_rows` or `_jobs` that have buckets are histograms. Reasons are in lower case; tenants and SKUs are never labels.\n\n\
         | metric | how to read it |\n|---|---|\n"
        .to_owned();
    for (name, comment) in &metrics {
        writeln!(page, "| `{name}` | {comment} |").unwrap();
    }
    compare("docs/metrics.md", &page);
}

/// What each key is for, by its path: the comments of the structs that hold them.
fn comments() -> BTreeMap<String, String> {
    let files = [
        ("", "pulse/src/config/schema.rs"),
        ("kafka.", "pulse/src/config/kafka.rs"),
        ("scylla.", "pulse/src/config/scylla.rs"),
        ("ingestor_api.", "ingestor-api/src/config.rs"),
        ("ingestor_consumer.", "ingestor-consumer/src/config.rs"),
        ("catalog.", "catalog/src/lib.rs"),
    ];
    let mut comments = BTreeMap::new();
    for (table, file) in files {
        let source = fs::read_to_string(repository(file)).unwrap();
        let (_, body) = source.split_once("pub struct Config {").unwrap();
        let mut comment = Vec::new();
        for line in body.lines().take_while(|line| *line != "}") {
            match (line.trim().strip_prefix("/// "), line.trim().strip_prefix("pub ")) {
                (Some(text), _) => comment.push(text),
                (None, Some(field)) => {
                    let (name, _) = field.split_once(':').unwrap();
                    comments.insert(format!("{table}{name}"), comment.join(" "));
                    comment.clear();
                }
                (None, None) => {}
            }
        }
    }
    comments
}

#[test]
fn the_page_on_configuration_lists_every_key_with_its_default() {
    let output = pulse().args(["config", "print", "--output", "json"]).output().unwrap();
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let comments = comments();
    let mut page = "# Configuration\n\nFlags win over environment variables, those over the file (TOML, `--config` or `PULSE_CONFIG`), that over the defaults. \
         A key `room.key` is `[room] key = …` in the file and `PULSE_ROOM__KEY` in the environment. An unknown key is fatal in file and flags, an unknown `PULSE_` variable warns. \
         `pulse config print` shows every value with where it came from, `pulse config check` says whether a server would start.\n\n\
         | key | default | what it is |\n|---|---|---|\n"
        .to_owned();
    for item in printed["items"].as_array().unwrap() {
        let (key, value) = (item["key"].as_str().unwrap(), item["value"].as_str().unwrap());
        assert_eq!(item["origin"], "default", "{key}");
        let comment = comments.get(key).unwrap_or_else(|| panic!("{key} has no comment"));
        let shown = if value.is_empty() { "none".to_owned() } else { format!("`{value}`") };
        writeln!(page, "| `{key}` | {shown} | {comment} |").unwrap();
    }
    compare("docs/configuration.md", &page);
}
