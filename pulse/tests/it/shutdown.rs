//! SIGTERM under load: everything acknowledged is counted, and the process is gone within ten seconds.

use super::server::{Home, Server, eventually};
use pulse::ready_file::Ready;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: u64 = 20;
const ROWS: u64 = 20_000;

/// A client that has to go on when its server goes and comes back on the same addresses.
fn spawn_import(server: &Server, file: &Path, number: u64) -> Child {
    let mut import = server.command();
    import.arg("import").arg(file).args(["--tenant", "acme", "--source", &format!("client-{number}")]);
    import.args(["--time", "at", "--metric", "in=llm.input:token", "--shift-to", "yesterday"]);
    import.stdout(Stdio::null()).spawn().unwrap()
}

fn restart(home: &Home, ready: &Ready) -> Server {
    let (http, grpc) = (ready.http.to_string(), ready.grpc.to_string());
    home.start_with(|command| command.args(["--listen-http", &http, "--listen-grpc", &grpc]))
}

/// Clients import one after the other, and each sends what was in doubt again as often as its server goes. A client
/// that is done had every pulse acknowledged, and sent none again that was: one lost would be missing from the sum.
#[test]
fn acknowledged_pulses_survive_twenty_terminations_under_load() {
    let home = Home::new();
    let mut lines = vec!["at,in".to_owned()];
    lines.extend((0..ROWS).map(|row| format!("2026-01-05 10:{:02}:00,{row}", row % 60)));
    let file = home.path("load.csv");
    fs::write(&file, lines.join("\n")).unwrap();
    let mut server = home.start().with_catalog();
    let mut clients = 1;
    let mut client = spawn_import(&server, &file, clients);
    for round in 0..ROUNDS {
        std::thread::sleep(Duration::from_millis(round * 37 % 400 + 100));
        if let Some(status) = client.try_wait().unwrap() {
            assert_eq!(status.code(), Some(0), "client {clients}");
            clients += 1;
            client = spawn_import(&server, &file, clients);
            std::thread::sleep(Duration::from_millis(200));
        }
        let ready = server.ready.clone();
        let asked = Instant::now();
        server.signal("TERM");
        assert_eq!(server.exit_code(), Some(0), "round {round}");
        assert!(asked.elapsed() < Duration::from_secs(10), "round {round} took {:?}", asked.elapsed());
        assert!(!home.data_dir().join("ready.json").exists());
        server = restart(&home, &ready);
    }
    assert_eq!(client.wait().unwrap().code(), Some(0), "client {clients}");
    server.settle();
    let usage = server.json(0, &["query", "usage", "--tenant", "acme", "--from", "-72h"]);
    assert_eq!(usage["items"][0]["quantity"], ((0..ROWS).sum::<u64>() * clients).to_string());
    assert_eq!(usage["items"][0]["count"], (ROWS * clients).to_string());
}

/// A request whose body never comes to its end; it keeps a drain waiting.
fn begin_request(server: &Server) -> TcpStream {
    let mut client = TcpStream::connect(server.ready.http).unwrap();
    let head = "POST /v1/dead-letters:replay HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    write!(client, "{head}content-length: 100\r\nexpect: 100-continue\r\n\r\n").unwrap();
    assert!(client.read(&mut [0; 100]).unwrap() > 0, "the server reads the body");
    client
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let home = Home::new();
    let log = home.path("log.jsonl");
    let server = home.start_with(|command| {
        command.env("PULSE_SHUTDOWN_DEADLINE_SECONDS", "60").stderr(fs::File::create(&log).unwrap())
    });
    let _client = begin_request(&server);
    server.signal("TERM");
    eventually("a drain", || TcpStream::connect(server.ready.http).is_err().then_some(()));
    let asked = Instant::now();
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(1));
    assert!(asked.elapsed() < Duration::from_secs(10), "it took {:?}", asked.elapsed());
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("ended by a second signal before the drain was done"), "{log}");
}

#[test]
fn a_drain_that_hangs_ends_at_its_deadline_and_says_so() {
    let home = Home::new();
    let log = home.path("log.jsonl");
    let server = home.start_with(|command| {
        command.env("PULSE_SHUTDOWN_DEADLINE_SECONDS", "1").stderr(fs::File::create(&log).unwrap())
    });
    let _client = begin_request(&server);
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(1));
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("longer than shutdown_deadline_seconds"), "{log}");
}
