//! One pulse that brings a trace: it is seen at the edge, where it is counted and where it is stored.

mod collector;

use super::server::{Home, Server};
use collector::{Collector, Seen};
use proto::v1::ingest_service_client::IngestServiceClient;
use proto::v1::{Pulse, WritePulsesRequest};
use serde_json::Value;
use std::process::Command;
use tonic::Request;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn traced<'a>(command: &'a mut Command, collector: &Collector) -> &'a mut Command {
    command.env("PULSE_TRACE_ENDPOINT", collector.url()).env("PULSE_TRACE_ONE_IN", "0")
}

/// Writes one pulse whose caller's trace has these flags.
fn write_pulse(server: &Server, flags: &str) {
    let url = format!("http://{}", server.ready.grpc);
    let pulse = Pulse {
        tenant: "acme".to_owned(),
        sku: "llm.input".to_owned(),
        quantity: "1".to_owned(),
        unit: "token".to_owned(),
        ..Pulse::default()
    };
    let mut request = Request::new(WritePulsesRequest { pulses: vec![pulse] });
    let parent = format!("00-{TRACE}-{PARENT}-{flags}");
    request.metadata_mut().insert("traceparent", parent.parse().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let answer = runtime.block_on(async {
        IngestServiceClient::connect(url).await.unwrap().write_pulses(request).await.unwrap().into_inner()
    });
    assert!(answer.result.as_ref().unwrap().rejections.is_empty(), "{answer:?}");
}

/// Everything that is sent until the server has gone down.
fn all_spans(server: Server, collector: &Collector) -> Vec<Seen> {
    server.settle();
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    collector.spans()
}

#[test]
fn a_sampled_pulse_is_traced_from_the_edge_to_the_store() {
    let (home, collector) = (Home::new(), Collector::start());
    let server = home.start_with(|command| traced(command, &collector)).with_catalog();
    write_pulse(&server, "01");
    let spans = all_spans(server, &collector);
    let of_trace: Vec<&Seen> = spans.iter().filter(|span| span.trace == TRACE).collect();
    let names: Vec<&str> = of_trace.iter().map(|span| span.name.as_str()).collect();
    let entry = of_trace.iter().find(|span| span.parent == PARENT).unwrap_or_else(|| panic!("{names:?}"));
    assert_eq!(entry.name, "/pulse.v1.IngestService/WritePulses");
    for name in ["append", "count", "flush"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    for name in ["count", "flush"] {
        let batch = of_trace.iter().find(|span| span.name == name).unwrap();
        assert!(batch.links.iter().any(|link| link == TRACE), "{batch:?}");
    }
    assert!(spans.iter().all(|span| span.service == "pulse"));
}

#[test]
fn what_a_refused_caller_is_told_names_the_trace_that_was_sent() {
    let (home, collector) = (Home::new(), Collector::start());
    let server = home.start_with(|command| traced(command, &collector).env("PULSE_TRACE_ONE_IN", "1"));
    let (status, problem) = server.get("/v1/usage?from=never");
    assert_eq!(status, 400, "{problem}");
    let problem: Value = serde_json::from_str(&problem).unwrap();
    let spans = all_spans(server, &collector);
    let entry = spans.iter().find(|span| span.name == "/v1/usage").unwrap_or_else(|| panic!("{spans:?}"));
    assert_eq!((problem["trace_id"].as_str(), entry.parent.as_str()), (Some(entry.trace.as_str()), ""));
}

#[test]
fn a_command_that_is_part_of_a_trace_says_so() {
    let (home, collector) = (Home::new(), Collector::start());
    let server = home.start_with(|command| traced(command, &collector)).with_catalog();
    let parent = format!("00-{TRACE}-{PARENT}-01");
    let send = ["send", "--tenant", "acme", "--sku", "llm.input", "--quantity", "1", "--unit", "token"];
    for arguments in [&send[..], &["query", "usage"]] {
        let output = server.command().env("TRACEPARENT", &parent).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let spans = all_spans(server, &collector);
    for name in ["/pulse.v1.IngestService/StreamPulses", "/v1/usage", "count"] {
        let is_there = spans.iter().any(|span| span.name == name && span.trace == TRACE);
        assert!(is_there, "{name} in {spans:?}");
    }
}

#[test]
fn a_pulse_that_is_not_sampled_leaves_no_trace() {
    let (home, collector) = (Home::new(), Collector::start());
    let server = home.start_with(|command| traced(command, &collector)).with_catalog();
    write_pulse(&server, "00");
    let spans = all_spans(server, &collector);
    assert!(spans.is_empty(), "{spans:?}");
}
