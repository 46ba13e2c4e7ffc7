//! kill −9 at random moments and at named points, also inside flush and checkpoint, while a client in a process of its
//! own streams pulses: at the end totals and counts equal what was acknowledged.

use super::acknowledged::{self, Client, Plant};
use super::server::{Home, Server, eventually, repository};
use backends::embedded::{Embedded, OpenOptions};
use domain::port::Clock;
use pulse::system_clock::SystemClock;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How long the client may take to have everything acknowledged.
const PATIENCE: Duration = Duration::from_secs(60);
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

#[test]
fn what_was_acknowledged_is_counted_once_whatever_is_killed() {
    let rounds =
        std::env::var_os("KILL_ROUNDS").and_then(|rounds| rounds.to_str()?.parse().ok()).unwrap_or(ROUNDS);
    let home = Home::new();
    let mut server = acknowledged::with_catalog(home.start(), home.directory());
    let client = start_client(&home);
    for round in 0..rounds {
        kill(server, round);
        let point = POINTS[round as usize / 2 % POINTS.len()];
        server = if round % 2 == 0 { arm(&home, point) } else { home.start() };
    }
    drop(server);
    server = home.start();
    let told = client.finish(PATIENCE);
    server.settle();
    let tally = acknowledged::check(&server, &told).unwrap_or_else(|fault| panic!("{fault}"));
    assert!(tally.distinct > 1_000, "the client met a working server: {tally}");
    eprintln!("{rounds} kills: {tally}");
}

/// The check itself: a pulse that was lost, or counted twice, behind the back of everything.
#[test]
fn one_pulse_that_is_lost_or_doubled_is_noticed() {
    for plant in [Plant::Lost, Plant::Doubled] {
        let home = Home::new();
        let server = acknowledged::with_catalog(home.start(), home.directory());
        let client = start_client(&home);
        eventually("some usage", || (client.lines() > 200).then_some(()));
        let told = client.finish(PATIENCE);
        server.settle();
        acknowledged::check(&server, &told).unwrap_or_else(|fault| panic!("{fault}"));
        server.signal("TERM");
        assert_eq!(server.exit_code(), Some(0));
        Runtime::new().unwrap().block_on(async {
            let clock: Arc<dyn Clock> = Arc::new(SystemClock);
            let files = Embedded::open(&home.data_dir(), clock, OpenOptions::default()).unwrap();
            acknowledged::plant(&*files.store, plant).await;
        });
        let fault = acknowledged::check(&home.start(), &told).expect_err("one is wrong");
        assert!(fault.contains("usage of (\"acme\""), "{plant:?}: {fault}");
        assert!(fault.contains("reconcile: "), "{plant:?}: {fault}");
    }
}

fn start_client(home: &Home) -> Client {
    Client::start(&[home.data_dir().join("ready.json")], home.path("acknowledged.csv"), 7, 0)
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

#[test]
fn the_examples_are_where_the_client_expects_them() {
    assert!(repository("examples/catalog.yaml").exists());
}
