//! `pulse import` against a real server: rows that are rejected, formats, files that are sent again.

use super::server::{Home, Server};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::Path;

const METRICS: [&str; 8] = [
    "--tenant",
    "acme",
    "--time",
    "at",
    "--metric",
    "in=llm.input:token",
    "--metric",
    "out=llm.output:token",
];

fn import(server: &Server, code: i32, file: &Path, more: &[&str]) -> Value {
    server.json(code, &[&["import", file.to_str().unwrap()], more, &["--shift-to", "yesterday"]].concat())
}

fn totals(server: &Server) -> Vec<(String, String, String)> {
    server.settle();
    let answer =
        server.json(0, &["query", "usage", "--tenant", "acme", "--group-by", "sku", "--from", "-72h"]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = answer["items"].as_array().unwrap().iter();
    items.map(|item| (text(&item["group"]["sku"]), text(&item["quantity"]), text(&item["count"]))).collect()
}

fn expected(rows: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    rows.iter()
        .map(|(sku, quantity, count)| ((*sku).to_owned(), (*quantity).to_owned(), (*count).to_owned()))
        .collect()
}

#[test]
fn good_rows_count_once_and_bad_ones_stand_in_the_side_file() {
    let home = Home::new();
    let server = home.start().with_catalog();
    let file = home.path("usage.csv");
    fs::write(&file, "at,in,out\r\n2026-01-05 10:00:00.1234567,10,1\r\n2026-01-05T11:00:00Z,1e3,2\r\nnever,30,3\r\n2026-01-05 12:00:00,40,4").unwrap();
    let summary = import(&server, 3, &file, &METRICS);
    let count = |name: &str| summary[name].as_str().unwrap().to_owned();
    assert_eq!([count("rows"), count("pulses"), count("accepted"), count("rejected")], ["4", "8", "5", "3"]);
    let counted = expected(&[("llm.input", "50", "2"), ("llm.output", "7", "3")]);
    assert_eq!(totals(&server), counted);
    let side = fs::read_to_string(home.path("usage.csv.rejected.csv")).unwrap();
    let mut lines = side.lines();
    assert_eq!(lines.next(), Some("at,in,out,reason,field,message,metric,id,dead_letter_id"));
    assert_eq!(lines.clone().count(), 3);
    assert_eq!(
        lines
            .clone()
            .filter(|line| line.starts_with("2026-01-05T11:00:00Z,1e3,2,INVALID_QUANTITY,quantity,"))
            .count(),
        1
    );
    assert_eq!(lines.filter(|line| line.starts_with("never,30,3,INVALID_TIME,event_time,")).count(), 2);
    import(&server, 3, &file, &METRICS);
    assert_eq!(totals(&server), counted, "a file that is sent again counts nothing twice");
}

#[test]
fn every_format_and_compression_counts_the_same() {
    let home = Home::new();
    let server = home.start().with_catalog();
    let csv = "at,in,out\n2026-01-05 10:00:00,10,1\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(csv.as_bytes()).unwrap();
    let same_bytes = [
        ("a.csv", csv.as_bytes().to_vec()),
        ("a.csv.gz", gzip.finish().unwrap()),
        ("b.csv.zst", zstd::encode_all(csv.as_bytes(), 1).unwrap()),
    ];
    for (name, bytes) in same_bytes {
        let file = home.path(name);
        fs::write(&file, bytes).unwrap();
        import(&server, 0, &file, &METRICS);
    }
    assert_eq!(
        totals(&server),
        expected(&[("llm.input", "10", "1"), ("llm.output", "1", "1")]),
        "the same file under other names"
    );
    let lines = home.path("c.ndjson");
    fs::write(&lines, "{\"at\": \"2026-01-05 10:00:00\", \"in\": 10.5, \"out\": \"1\"}\n").unwrap();
    import(&server, 0, &lines, &METRICS);
    let pulses = home.path("d.ndjson");
    fs::write(&pulses, "{\"sku\": \"llm.input\", \"quantity\": \"-0.5\", \"unit\": \"token\", \"event_time\": \"2026-01-05T10:00:00Z\"}\n").unwrap();
    import(&server, 0, &pulses, &["--tenant", "acme"]);
    assert_eq!(totals(&server), expected(&[("llm.input", "20", "3"), ("llm.output", "2", "2")]));
}
