//! What a server says when it is ready: where to look, and lines to paste.

use crate::output;
use crate::ready_file::Ready;
use crate::server::{DEFAULT_GRPC, DEFAULT_HTTP};

/// Pages worth a click: the path, and what it shows.
const PLACES: [(&str, &str); 8] = [
    ("/docs", "every operation, to click through"),
    ("/v1/costs?group_by=tenant", "what each tenant's month costs so far"),
    ("/v1/costs?window=P1D&from=-168h", "a week by day and SKU"),
    ("/v1/usage?group_by=tenant,sku", "what was used"),
    ("/v1/charges", "the bill, line by line"),
    ("/v1/dead-letters", "what was refused and kept, and why"),
    ("/v1/reconciliation", "everything counted again"),
    ("/readyz", "whether it is well"),
];

/// Prints the addresses of a server; for a demonstration also lines to paste.
pub fn print(ready: &Ready, is_demo: bool) -> anyhow::Result<()> {
    output::print(&text(ready, is_demo))
}

fn text(ready: &Ready, is_demo: bool) -> String {
    let (http, grpc) = (ready.http.to_string(), ready.grpc.to_string());
    let last = PLACES.len() - 1;
    let branch = |(index, (path, about)): (usize, &(&str, &str))| {
        let corner = if index == last { "└─" } else { "├─" };
        let url = format!("http://{http}{path}");
        format!("  {corner} {url:<60} {about}\n")
    };
    let tree: String = PLACES.iter().enumerate().map(branch).collect();
    let mut text = format!(
        "\npulse is ready\n\nHTTP  http://{http}\n{tree}\ngRPC  {grpc}  pulse.v1.IngestService, with reflection\n"
    );
    if is_demo {
        text.push_str(&lines_to_paste(&http, &grpc));
    }
    text
}

fn lines_to_paste(http: &str, grpc: &str) -> String {
    let flag = |name: &str, address: &str, default: &str| {
        if address == default { String::new() } else { format!(" --{name} {address}") }
    };
    let server = flag("http", http, DEFAULT_HTTP) + &flag("grpc", grpc, DEFAULT_GRPC);
    let pulse = r#"{"tenant": "initech", "sku": "llm.input", "quantity": "1500", "unit": "token"}"#;
    format!(
        "\nIn another terminal:\n  \
         pulse send --tenant initech --sku llm.input --quantity 1500 --unit token{server}\n  \
         grpcurl -plaintext -d '{{\"pulses\": [{pulse}]}}' {grpc} pulse.v1.IngestService/WritePulses\n  \
         curl -sS 'http://{http}/v1/costs?tenant=initech'\n\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(http: &str, grpc: &str) -> Ready {
        Ready { http: http.parse().unwrap(), grpc: grpc.parse().unwrap(), pid: 1, data_dir: "".into() }
    }

    #[test]
    fn every_branch_is_a_whole_address() {
        let text = text(&ready("127.0.0.1:81", "127.0.0.1:82"), false);
        let branches: Vec<&str> = text.lines().filter(|line| line.contains("─ ")).collect();
        assert_eq!(branches.len(), PLACES.len());
        assert!(branches.iter().all(|line| line.contains("─ http://127.0.0.1:81/")), "{text}");
        assert!(branches[branches.len() - 1].starts_with("  └─ "));
        assert!(text.contains("gRPC  127.0.0.1:82 ") && !text.contains("grpcurl"), "{text}");
    }

    #[test]
    fn lines_to_paste_name_the_server_only_where_it_is_not_found_without() {
        let defaults = text(&ready(DEFAULT_HTTP, DEFAULT_GRPC), true);
        assert!(defaults.contains("--unit token\n"), "{defaults}");
        let other = text(&ready("127.0.0.1:81", "127.0.0.1:82"), true);
        assert!(other.contains("--unit token --http 127.0.0.1:81 --grpc 127.0.0.1:82\n"), "{other}");
        assert!(other.contains(r#"grpcurl -plaintext -d '{"pulses": [{"tenant": "initech""#), "{other}");
    }
}
