//! The same usage through one process on files and through four on Kafka and a CQL server: the same answers, byte for
//! byte. `make parity` runs it on engines of its own.

use super::house::House;
use super::real_usage::files;
use super::roles::{Roles, items, spawn_import, yesterday};
use super::server::{Home, Server, eventually};
use serde_json::Value;
use std::process::Output;

const SIMULATED: u64 = 5_000;
const ASKED: [&str; 7] = [
    "/v1/usage?from=-72h&window=PT1H&group_by=tenant,sku&page_size=1000",
    "/v1/usage?from=-72h&window=P1D&group_by=sku&time_zone=Asia/Kathmandu&page_size=1000",
    "/v1/usage?from=-72h&group_by=tenant&top=2",
    "/v1/costs?tenant=acme&from=-72h&window=PT1H&page_size=1000",
    "/v1/costs?tenant=acme&from=-72h&window=PT15M&page_size=1000",
    "/v1/costs?from=-72h&group_by=tenant,sku&page_size=1000",
    "/v1/charges?tenant=acme",
];

/// Where to send and where to ask.
struct Side<'a> {
    edge: &'a Server,
    catalog: &'a Server,
    query: &'a Server,
}

impl Side<'_> {
    /// The traces, and the load of a seed; what the latter printed, without its times.
    fn fill(&self, day: &str) -> Value {
        for path in files() {
            let source = path.file_stem().unwrap().to_str().unwrap();
            let columns = ["--source", source, "--time", "TIMESTAMP", "--shift-to", day];
            let metrics =
                ["--metric", "ContextTokens=llm.input:token", "--metric", "GeneratedTokens=llm.output:token"];
            let mut import = spawn_import(self.edge, &path, &[&columns[..], &metrics].concat());
            assert_eq!(import.wait().unwrap().code(), Some(0));
        }
        let simulated = self.simulate(day);
        let talk = String::from_utf8_lossy(&simulated.stderr);
        assert_eq!(simulated.status.code(), Some(0), "{talk}");
        let mut printed: Value = serde_json::from_slice(&simulated.stdout).unwrap();
        assert_eq!(printed["verified"], true);
        self.query.settle();
        printed["bill"].take()
    }

    fn simulate(&self, day: &str) -> Output {
        let mut command = self.query.command();
        command.env("PULSE_GRPC", self.edge.ready.grpc.to_string());
        command.args(["simulate", "--seed", "7", "--rate", "2500", "--verify", "--output", "json"]);
        command.args(["--pulses", &SIMULATED.to_string(), "--duplicates", "10", "--late", "5", "--bad", "1"]);
        command.args(["--catalog-http", &self.catalog.ready.http.to_string()]);
        command.args(["--start", &format!("{}T00:00:00Z", &day[..10])]).output().unwrap()
    }
}

#[test]
fn one_process_and_four_give_the_same_answers() {
    let Some(house) = House::find() else { return };
    let roles = Roles::start(&house).with_catalog();
    let home = Home::new();
    let one = home.start().with_catalog();
    let day = yesterday();
    let four = Side { edge: &roles.edge, catalog: &roles.catalog, query: &roles.query };
    let one = Side { edge: &one, catalog: &one, query: &one };
    let bill = four.fill(&day);
    assert!(bill.as_array().unwrap().len() > 20, "{bill}");
    assert_eq!(bill, one.fill(&day), "the bill of the seed");
    let mut bytes = 0;
    for path in ASKED {
        let expected = items(one.query, path);
        eventually(path, || (items(four.query, path) == expected).then_some(()));
        bytes += expected.len();
    }
    let books = [&one, &four].map(|side| {
        let books = side.query.json(0, &["reconcile"]);
        ["received", "applied", "conflict", "dead_lettered", "too_late"].map(|name| books[name].clone())
    });
    assert_eq!(
        books[0][1..],
        books[1][1..],
        "what was sent again may be recognised earlier, and is not received"
    );
    eprintln!("{} answers of {bytes} bytes are the same; {} applied", ASKED.len(), books[0][1]);
}
