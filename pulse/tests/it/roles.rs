//! Four roles as processes on Kafka and a CQL server: the answers of the one process, whatever is killed.

use super::house::House;
use super::server::{Home, Server, eventually, repository};
use domain::port::Clock;
use pulse::system_clock::SystemClock;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

const ROWS: u64 = 20_000;
const USAGE: &str = "/v1/usage?tenant=acme&from=-72h&window=PT1H&group_by=tenant,sku&page_size=1000";
const COSTS: &str = "/v1/costs?tenant=acme&from=-72h&window=PT1H&page_size=1000";

/// The processes of a house, by what they do.
pub struct Roles {
    pub edge: Server,
    pub consumer: Server,
    pub catalog: Server,
    pub query: Server,
}

impl Roles {
    /// All four begin the house at the same time.
    pub fn start(house: &House) -> Self {
        let [edge, consumer, catalog, query] =
            ["ingestor-api", "ingestor-consumer", "catalog", "query-api"].map(|role| house.begin(role, role));
        Self {
            edge: edge.ready(),
            consumer: consumer.ready(),
            catalog: catalog.ready(),
            query: query.ready(),
        }
    }

    pub fn with_catalog(self) -> Self {
        Self { catalog: self.catalog.with_catalog(), ..self }
    }
}

/// What an answer lists, as it was written.
pub fn items(server: &Server, path: &str) -> String {
    let (status, text) = server.get(path);
    assert_eq!(status, 200, "{text}");
    let (_, rest) = text.split_once("\"items\":").unwrap();
    let items = rest.rsplit_once(",\"meta\":").map_or(rest, |(items, _)| items);
    assert!(items.starts_with('[') && items.len() > 2, "{text}");
    items.to_owned()
}

pub fn spawn_import(edge: &Server, file: &Path, columns: &[&str]) -> Child {
    let mut import = edge.command();
    import.arg("import").arg(file).args(["--tenant", "acme"]).args(columns);
    import.stdout(Stdio::null()).spawn().unwrap()
}

/// Imports the example's half an hour of real usage, moved to a day that both houses agree on.
fn import_example(edge: &Server, day: &str) {
    let columns = ["--time", "TIMESTAMP", "--metric", "ContextTokens=llm.input:token"];
    let more = ["--metric", "GeneratedTokens=llm.output:token", "--shift-to", day];
    let file = repository("examples/llm-usage.csv");
    let mut import = spawn_import(edge, &file, &[&columns[..], &more].concat());
    assert_eq!(import.wait().unwrap().code(), Some(0));
}

/// Yesterday, which stays the same while the test runs over midnight.
pub fn yesterday() -> String {
    SystemClock.now().plus_seconds(-86_400).to_string()
}

/// A consumer is killed under load, and another takes its partitions over.
#[test]
fn a_killed_consumer_is_replaced() {
    let Some(house) = House::find() else { return };
    let roles = Roles::start(&house).with_catalog();
    let (home, day) = (Home::new(), yesterday());
    import_example(&roles.edge, &day);
    roles.query.settle();
    let heir = house.begin("ingestor-consumer", "heir").ready();
    let mut lines = vec!["at,in".to_owned()];
    lines.extend((0..ROWS).map(|row| format!("2026-01-05 10:{:02}:00,{row}", row % 60)));
    let load = home.path("load.csv");
    fs::write(&load, lines.join("\n")).unwrap();
    let columns =
        ["--source", "load", "--time", "at", "--metric", "in=llm.input:token", "--shift-to", day.as_str()];
    let mut import = spawn_import(&roles.edge, &load, &columns);
    std::thread::sleep(Duration::from_millis(300));
    roles.consumer.signal("KILL");
    assert_eq!(import.wait().unwrap().code(), Some(0), "the edge acknowledges without the consumer");
    eventually("everything counted by the one that is left", || {
        let (status, text) = roles.query.get("/v1/reconciliation");
        let books: Value = serde_json::from_str(&text).unwrap();
        (status == 200 && books["in_flight"] == "0").then_some(())
    });
    let books = roles.query.json(0, &["reconcile"]);
    assert_eq!(books["difference"], "0");
    let usage =
        roles.query.json(0, &["query", "usage", "--tenant", "acme", "--from", "-72h", "--sku", "llm.input"]);
    let example: u64 = inputs_of_example();
    assert_eq!(usage["items"][0]["quantity"], ((0..ROWS).sum::<u64>() + example).to_string());
    drop(heir);
}

/// The sum of the example's first column, read here.
fn inputs_of_example() -> u64 {
    let text = fs::read_to_string(repository("examples/llm-usage.csv")).unwrap();
    text.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse::<u64>().unwrap()).sum()
}

#[test]
fn each_role_serves_its_own_and_says_so() {
    let Some(house) = House::find() else { return };
    let mut roles = Roles::start(&house);
    for (server, served, elsewhere) in [
        (&roles.edge, "/v1/dead-letters:replay", "/v1/usage"),
        (&roles.catalog, "/v1/tenants", "/v1/pulses"),
        (&roles.query, "/v1/usage", "/v1/tenants"),
        (&roles.consumer, "/livez", "/v1/usage"),
    ] {
        assert_ne!(server.get(served).0, 404, "{served}");
        assert_eq!(server.get(elsewhere).0, 404, "{elsewhere}");
        for own in ["/livez", "/readyz", "/metrics"] {
            let (status, text) = server.get(own);
            assert_eq!(status, 200, "{own}: {text}");
        }
    }
    for server in [&mut roles.edge, &mut roles.consumer, &mut roles.catalog, &mut roles.query] {
        server.signal("TERM");
        eventually("an orderly end", || (!server.is_running()).then_some(()));
    }
    for server in [roles.edge, roles.consumer, roles.catalog, roles.query] {
        assert_eq!(server.exit_code(), Some(0));
    }
}

/// Moved, and moved again: the same usage, costs and charges, the ids of yesterday still known, the books as they were.
#[test]
fn a_house_that_moves_keeps_every_digit_and_goes_on() {
    let Some(house) = House::find() else { return };
    let home = Home::new();
    let one = home.start().with_catalog();
    let day = yesterday();
    import_example(&one, &day);
    one.settle();
    let answers = |server: &Server| [USAGE, COSTS].map(|path| items(server, path));
    let before = answers(&one);
    let billed = eventually("charges of both prices", || find_charges(&one));
    one.signal("TERM");
    assert_eq!(one.exit_code(), Some(0));
    for _ in 0..2 {
        let mut command = house.command();
        let moved = command.args(["migrate", "--output", "json", "--data-dir"]).arg(home.data_dir()).output();
        let moved = moved.unwrap();
        assert_eq!(moved.status.code(), Some(0), "{}", String::from_utf8_lossy(&moved.stderr));
        let moved: Value = serde_json::from_slice(&moved.stdout).unwrap();
        let applied =
            moved["items"].as_array().unwrap().iter().find(|item| item["what"] == "applied").unwrap();
        assert_eq!((&applied["from"], &applied["to"]), (&"1000".into(), &"1000".into()));
    }
    let roles = Roles::start(&house);
    assert_eq!(answers(&roles.query), before);
    assert_eq!(find_charges(&roles.query), Some(billed));
    import_example(&roles.edge, &day);
    roles.query.settle();
    assert_eq!(answers(&roles.query), before, "what was counted before the move is known after it");
    let pulse = ["send", "--tenant", "acme", "--sku", "llm.input", "--quantity", "7", "--unit", "token"];
    roles.edge.json(0, &pulse);
    roles.query.settle();
    let usage =
        roles.query.json(0, &["query", "usage", "--tenant", "acme", "--from", "-72h", "--sku", "llm.input"]);
    assert_eq!(usage["items"][0]["quantity"], (inputs_of_example() + 7).to_string());
    assert_eq!(roles.query.json(0, &["reconcile"])["difference"], "0");
}

/// The charges of both prices, once they are there.
fn find_charges(server: &Server) -> Option<String> {
    let path = "/v1/charges?tenant=acme";
    let answer: Value = serde_json::from_str(&server.get(path).1).unwrap();
    (answer["items"].as_array().map(Vec::len) == Some(2)).then(|| items(server, path))
}
