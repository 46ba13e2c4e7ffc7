//! Running it: metrics, readiness, log lines, panics, addresses in use, clients that do nothing.

use super::server::{Home, Server, eventually, pulse};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;
use tonic::transport::Channel;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

/// The metrics that are part of the contract, as a running server shows them.
const AGREED: [&str; 10] = [
    "pulse_ingestor_api_pulses_total{outcome=\"accepted\",reason=\"\"}",
    "pulse_ingestor_api_pulses_total{outcome=\"rejected\",reason=\"unknown_sku\"}",
    "pulse_ingestor_api_ack_seconds_count",
    "pulse_ingestor_consumer_lag_records",
    "pulse_ingestor_consumer_watermark_timestamp_seconds",
    "pulse_ingestor_consumer_books_difference",
    "pulse_ingestor_consumer_dead_letters_total{reason=\"unknown_sku\"}",
    "pulse_process_resident_memory_bytes",
    "pulse_process_open_files",
    "pulse_process_build_info",
];

fn send(server: &Server, sku: &str, code: i32) {
    let pulse = ["--tenant", "acme", "--sku", sku, "--quantity", "3", "--unit", "token"];
    server.json(code, &[&["send"] as &[&str], &pulse].concat());
}

/// The value of the first series that begins like this.
fn find_series(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[test]
fn metrics_have_the_names_that_were_agreed() {
    let home = Home::new();
    let server = home.start().with_catalog();
    send(&server, "llm.input", 0);
    send(&server, "no.such", 3);
    server.settle();
    let text = eventually("all metrics", || {
        let (status, text) = server.get("/metrics");
        assert_eq!(status, 200);
        let missing: Vec<&&str> = AGREED.iter().filter(|name| find_series(&text, name).is_none()).collect();
        if missing.is_empty() { Ok(text) } else { Err(format!("{missing:?} of\n{text}")) }.ok()
    });
    let value = |name: &str| find_series(&text, name).unwrap();
    assert!((value(AGREED[0]) - 1.0).abs() < f64::EPSILON, "{text}");
    assert!((value(AGREED[1]) - 1.0).abs() < f64::EPSILON, "{text}");
    assert!(value("pulse_ingestor_consumer_books_difference").abs() < f64::EPSILON, "{text}");
    for label in ["tenant=", "sku=", "acme", "llm.input"] {
        assert!(!text.contains(label), "{label} names who used what");
    }
}

/// The lines of a log.
fn lines(log: &Path) -> Vec<Value> {
    let text = fs::read_to_string(log).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

#[test]
fn a_panic_is_logged_with_its_trace_and_ends_the_process() {
    let home = Home::new();
    let log = home.path("log.jsonl");
    let server = home.start_with(|command| {
        command.env("PULSE_CRASH_POINT", "panic-before-read-aggregate:1").stderr(File::create(&log).unwrap())
    });
    let mut client = TcpStream::connect(server.ready.http).unwrap();
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    write!(client, "GET /v1/usage?tenant=acme HTTP/1.1\r\nhost: x\r\ntraceparent: {parent}\r\n\r\n").unwrap();
    assert_eq!(server.exit_code(), Some(1));
    let panic = lines(&log).into_iter().find(|line| line["level"] == "ERROR").unwrap();
    assert_eq!(panic["message"], "a panic ends the process");
    assert_eq!(panic["cause"], "the crash point before-read-aggregate was reached");
    assert_eq!(panic["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736", "{panic}");
    assert!(panic["location"].as_str().unwrap().contains("crash_points.rs"), "{panic}");
    assert!(home.find_start_with(|command| command).is_some(), "the next start goes on");
}

#[test]
fn every_line_of_the_log_is_json_where_no_terminal_reads_it() {
    let home = Home::new();
    let log = home.path("log.jsonl");
    let server = home.start_with(|command| {
        command
            .env("PULSE_LOG_FILTER", "info")
            .env("PULSE_NO_SUCH_KEY", "1")
            .stderr(File::create(&log).unwrap())
    });
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    let lines = lines(&log);
    let message = |text: &str| lines.iter().any(|line| line["message"].as_str().unwrap().contains(text));
    for text in ["PULSE_NO_SUCH_KEY names no configuration key", "ready", "draining", "drained"] {
        assert!(message(text), "{text} in {lines:?}");
    }
    assert!(lines.iter().all(|line| line["timestamp"].is_string() && line["target"].is_string()));
}

#[test]
fn an_address_in_use_is_told_with_its_key_before_anything_else_is_said() {
    let home = Home::new();
    let server = home.start();
    let (other, http) = (Home::new(), server.ready.http.to_string());
    let mut command = pulse();
    command.args(["up", "--listen-http", &http, "--listen-grpc", "127.0.0.1:0", "--data-dir"]);
    let output = command.arg(other.data_dir()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let talk = String::from_utf8(output.stderr).unwrap();
    let expected = format!("listen_http: cannot listen on {http}: ");
    assert!(talk.contains(&expected) && talk.contains("or port 0 for a free one"), "{talk}");
}

#[test]
fn past_its_connections_a_door_lets_the_next_wait_and_serves_it_when_one_goes() {
    let home = Home::new();
    let server = home.start_with(|command| command.env("PULSE_CONNECTIONS_MAX", "2"));
    let connect = || {
        let mut client = TcpStream::connect(server.ready.http).unwrap();
        client.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        client.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        client
    };
    let answer = |client: &mut TcpStream| client.read(&mut [0; 1_000]).is_ok_and(|bytes| bytes > 0);
    let (mut first, mut second, mut third) = (connect(), connect(), connect());
    assert!(answer(&mut first) && answer(&mut second));
    assert!(!answer(&mut third), "there is no place for it");
    drop(first);
    assert!(answer(&mut third), "now there is");
}

#[test]
fn connections_that_say_nothing_shut_nobody_out() {
    let home = Home::new();
    let server = home.start_with(|command| command.env("PULSE_CONNECTIONS_MAX", "2"));
    let silent: Vec<TcpStream> = (0..8).map(|_| TcpStream::connect(server.ready.http).unwrap()).collect();
    assert_eq!(server.get("/livez").0, 200);
    drop(silent);
}

#[test]
fn readiness_names_what_is_wrong_and_health_follows() {
    let home = Home::new();
    let server = home.start_with(|command| command.env("PULSE_DISK_FREE_BYTES_MIN", i64::MAX.to_string()));
    let (status, body) = server.get("/readyz");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["status"]), (503, &Value::from("not ready")), "{body}");
    let reason = body["checks"]["disk"].as_str().unwrap();
    assert!(reason.ends_with("bytes are free, below disk_free_bytes_min 9223372036854775807"), "{reason}");
    assert_eq!(server.get("/livez").0, 200);
}

async fn reflect(client: &mut ServerReflectionClient<Channel>, asked: MessageRequest) -> MessageResponse {
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(asked) };
    let answers = client.server_reflection_info(tokio_stream::once(request)).await.unwrap();
    answers.into_inner().message().await.unwrap().unwrap().message_response.unwrap()
}

/// As `grpcurl HOST list` and `grpcurl HOST describe` ask.
#[tokio::test]
async fn services_are_listed_and_described_by_reflection() {
    let home = Home::new();
    let server = home.start();
    let channel = Channel::from_shared(format!("http://{}", server.ready.grpc)).unwrap();
    let mut client = ServerReflectionClient::new(channel.connect().await.unwrap());
    let listed = reflect(&mut client, MessageRequest::ListServices(String::new())).await;
    let MessageResponse::ListServicesResponse(listed) = listed else { panic!("{listed:?}") };
    let names: BTreeSet<String> = listed.service.into_iter().map(|service| service.name).collect();
    let expected = [
        "grpc.health.v1.Health",
        "pulse.v1.CatalogService",
        "pulse.v1.IngestService",
        "pulse.v1.RegistryService",
        "yourpackage.UsageService",
    ];
    for name in expected {
        assert!(names.contains(name), "{name} is not among {names:?}");
        let described = reflect(&mut client, MessageRequest::FileContainingSymbol(name.to_owned())).await;
        let MessageResponse::FileDescriptorResponse(files) = described else { panic!("{described:?}") };
        let (_, service) = name.rsplit_once('.').unwrap();
        let holds = |file: &Vec<u8>| file.windows(service.len()).any(|bytes| bytes == service.as_bytes());
        assert!(files.file_descriptor_proto.iter().any(holds), "{name}");
    }
}
