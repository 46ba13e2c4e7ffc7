//! kill −9 at random moments and at named points, also inside flush and checkpoint, while a client in a process of its
//! own streams pulses: at the end totals and counts equal what was acknowledged.

use super::server::{Home, Server, repository};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Rounds of every test run; `make kill-test` sets more.
const ROUNDS: u32 = 10;

/// Where the server is killed in the odd rounds, at the n-th call of that name.
const POINTS: &[&str] = &[
    "mid-append-resource-consumption.g1:40",
    "after-append-resource-consumption.g1:60",
    "before-write-aggregate:3",
    "mid-write-aggregate:2",
    "after-write-ledger:4",
    "after-write-page:2",
    "before-append-processor-storage-consumption:3",
    "after-append-processor-storage-consumption:2",
    "before-write-checkpoint:3",
    "after-write-checkpoint:2",
    "after-write-watermark:1",
    "before-write-charge:1",
    "after-write-charge:2",
    "after-read-ledger:5",
];

/// Usage of one tenant, SKU and hour: thousandths, and pulses.
type Hours = BTreeMap<(String, String, i64), (i128, u64)>;

#[test]
fn what_was_acknowledged_is_counted_once_whatever_is_killed() {
    let rounds =
        std::env::var_os("KILL_ROUNDS").and_then(|rounds| rounds.to_str()?.parse().ok()).unwrap_or(ROUNDS);
    let home = Home::new();
    let acknowledged = home.path("acknowledged.csv");
    let mut server = home.start().with_catalog();
    server.json(0, &["catalog", "apply", write_second_tenant(&home).to_str().unwrap()]);
    let mut client = start_client(&home, &acknowledged);
    for round in 0..rounds {
        kill(server, round);
        let point = POINTS[round as usize / 2 % POINTS.len()];
        server = if round % 2 == 0 { arm(&home, point) } else { home.start() };
    }
    drop(server);
    server = home.start();
    drop(client.stdin.take());
    assert!(client.wait().unwrap().success(), "the client ends well once everything is acknowledged");
    server.settle();
    let expected = read_acknowledged(&acknowledged);
    assert!(
        expected.values().map(|(_, count)| count).sum::<u64>() > 1_000,
        "the client met a working server"
    );
    assert_eq!(read_usage(&server), expected);
    let books = server.json(0, &["reconcile"]);
    assert_eq!(books["difference"], "0");
    eprintln!("{rounds} kills: {} of received {} applied", books["applied"], books["received"]);
}

/// A moment later the server is gone: by its own crash point, or by a signal it cannot catch.
fn kill(mut server: Server, round: u32) {
    let patience = Duration::from_millis(300 + u64::from(round) * 131 % 1_300);
    let started = Instant::now();
    while started.elapsed() < patience && server.is_running() {
        std::thread::sleep(Duration::from_millis(10));
    }
    if server.is_running() {
        server.signal("KILL");
    }
    server.exit_code();
}

/// A server that ends itself at a crash point; it may do so before it is ready.
fn arm(home: &Home, point: &str) -> Server {
    home.find_start_with(|command| command.env("PULSE_CRASH_POINT", point)).unwrap_or_else(|| home.start())
}

fn start_client(home: &Home, acknowledged: &Path) -> Child {
    let examples = Path::new(env!("CARGO_BIN_EXE_pulse")).parent().unwrap().join("examples");
    let client = examples.join("chaos_client");
    assert!(client.exists(), "build the client first: cargo build -p pulse --example chaos_client");
    let mut command = Command::new(client);
    command.arg(home.data_dir().join("ready.json")).arg(acknowledged).arg("7");
    command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// The examples' catalogue knows one tenant; the client reports for two.
fn write_second_tenant(home: &Home) -> PathBuf {
    let path = home.path("globex.yaml");
    std::fs::write(&path, "kind: tenant\nid: globex\nname: Globex\nstatus: active\n").unwrap();
    path
}

fn read_acknowledged(path: &Path) -> Hours {
    let mut seen = BTreeSet::new();
    let mut hours = Hours::new();
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let [tenant, sku, seconds, id, quantity] = line.split(',').collect::<Vec<_>>().try_into().unwrap();
        if seen.insert((tenant.to_owned(), id.to_owned())) {
            let hour = seconds.parse::<i64>().unwrap() / 3_600;
            add(&mut hours, (tenant, sku, hour), (thousandths(quantity), 1));
        }
    }
    hours
}

fn read_usage(server: &Server) -> Hours {
    let path = "/v1/usage?from=-8h&window=PT1H&group_by=tenant,sku&page_size=1000";
    let (status, body) = server.get(path);
    assert_eq!(status, 200, "{body}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["next_page_token"], Value::Null);
    let mut hours = Hours::new();
    for item in answer["items"].as_array().unwrap() {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let start: jiff::Timestamp = text(&item["start_time"]).parse().unwrap();
        let (tenant, sku) = (text(&item["group"]["tenant"]), text(&item["group"]["sku"]));
        let count = text(&item["count"]).parse().unwrap();
        add(
            &mut hours,
            (&tenant, &sku, start.as_second() / 3_600),
            (thousandths(&text(&item["quantity"])), count),
        );
    }
    hours
}

fn add(hours: &mut Hours, (tenant, sku, hour): (&str, &str, i64), (quantity, count): (i128, u64)) {
    let sum = hours.entry((tenant.to_owned(), sku.to_owned(), hour)).or_default();
    sum.0 += quantity;
    sum.1 += count;
}

fn thousandths(text: &str) -> i128 {
    let (integer, fraction) = text.split_once('.').unwrap_or((text, ""));
    assert!(fraction.len() <= 3, "{text}");
    format!("{integer}{fraction:0<3}").parse().unwrap()
}

#[test]
fn the_examples_are_where_the_client_expects_them() {
    assert!(repository("examples/catalog.yaml").exists());
}
