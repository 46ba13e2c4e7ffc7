//! A Python client generated from the original proto: what was written for the first service keeps working.

use super::server::{Home, Server, repository};
use std::process::{Command, Output};

fn python(arguments: &[&str]) -> Output {
    Command::new("python3").args(arguments).output().unwrap()
}

fn consume(server: &Server, sku: &str, amount: &str, unity: &str) -> String {
    let script = repository("pulse/tests/python/consume.py");
    let (protos, address) = (repository("proto"), server.ready.grpc.to_string());
    let output =
        python(&[script.to_str().unwrap(), protos.to_str().unwrap(), &address, "acme", sku, amount, unity]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_python_client_of_the_original_service_reports_usage() {
    if !python(&["-c", "import grpc, grpc_tools"]).status.success() {
        let required = std::env::var_os("PULSE_TEST_REQUIRE_PYTHON").is_some();
        assert!(!required, "the Python packages grpcio and grpcio-tools are missing");
        println!("left out: the Python packages grpcio and grpcio-tools are missing");
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
