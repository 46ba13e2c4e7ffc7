//! SIGTERM under load: everything acknowledged is counted, and the process is gone within ten seconds.

use super::server::{Home, eventually};
use serde_json::Value;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

const ROUNDS: u32 = 20;
const ROWS: u32 = 20_000;

/// One import runs through all rounds: its client sends what was in doubt again, as often as its server goes.
#[test]
fn acknowledged_pulses_survive_twenty_terminations_under_load() {
    let home = Home::new();
    let rows: String = (0..ROWS).map(|row| format!("2026-01-05 10:{:02}:00,{row},1\n", row % 60)).collect();
    let file = home.path("load.csv");
    fs::write(&file, format!("at,in,out\n{rows}")).unwrap();
    let mut accepted = 0;
    let mut server = home.start().with_catalog();
    for round in 0..ROUNDS {
        let mut import = server.command();
        import.args([
            "import",
            file.to_str().unwrap(),
            "--tenant",
            "acme",
            "--time",
            "at",
            "--source",
            &format!("round-{round}"),
        ]);
        import
            .args(["--metric", "in=llm.input:token", "--shift-to", "yesterday", "--output", "json"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut client = import.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(u64::from(round) * 37 % 400 + 100));
        let asked = Instant::now();
        server.signal("TERM");
        assert_eq!(server.exit_code(), Some(0), "round {round}");
        assert!(asked.elapsed() < Duration::from_secs(10), "round {round} took {:?}", asked.elapsed());
        assert!(!home.data_dir().join("ready.json").exists());
        client.kill().unwrap();
        client.wait().unwrap();
        server = home.start();
        server.settle();
        let books = server.json(0, &["reconcile"]);
        let received: u64 = books["received"].as_str().unwrap().parse().unwrap();
        assert!(received >= accepted, "round {round}");
        accepted = received;
    }
    let file = file.to_str().unwrap();
    for round in 0..ROUNDS {
        let source = format!("round-{round}");
        let whole = [
            "import",
            file,
            "--tenant",
            "acme",
            "--time",
            "at",
            "--source",
            &source,
            "--metric",
            "in=llm.input:token",
        ];
        server.json(0, &[&whole as &[&str], &["--shift-to", "yesterday"]].concat());
    }
    server.settle();
    let usage: Value = server.json(0, &["query", "usage", "--tenant", "acme", "--from", "-72h"]);
    let sum: u64 = (0..u64::from(ROWS)).sum::<u64>() * u64::from(ROUNDS);
    assert_eq!(usage["items"][0]["quantity"], sum.to_string());
    assert_eq!(usage["items"][0]["count"], (ROWS * ROUNDS).to_string());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let home = Home::new();
    let server = home.start_with(|command| command.env("PULSE_SHUTDOWN_DEADLINE_SECONDS", "60"));
    let open_stream = std::net::TcpStream::connect(server.ready.http).unwrap();
    server.signal("TERM");
    eventually("a drain", || std::net::TcpStream::connect(server.ready.http).is_err().then_some(()));
    server.signal("TERM");
    assert!(matches!(server.exit_code(), Some(0 | 1)));
    drop(open_stream);
}
