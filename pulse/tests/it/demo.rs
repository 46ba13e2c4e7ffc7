//! `pulse up --demo`: money at the first look, a letter for every reason, the same past for the same seed.

use super::server::{clean, eventually, pulse, repository};
use pulse::ready_file::Ready;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A demonstration on ports of its own.
struct Demo {
    child: Child,
    ready: Ready,
    home: TempDir,
}

impl Demo {
    fn start(seed: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let (file, tree) =
            (home.path().join("ready.json"), fs::File::create(home.path().join("tree")).unwrap());
        let mut command = pulse();
        command.current_dir(home.path()).args(["up", "--demo", "--seed", seed, "--no-open"]);
        command
            .args(["--listen-http", "127.0.0.1:0", "--listen-grpc", "127.0.0.1:0", "--ready-file"])
            .arg(&file);
        let talk = fs::File::create(home.path().join("talk")).unwrap();
        command
            .stdout(Stdio::from(tree))
            .stderr(Stdio::from(talk))
            .env("PULSE_LOG_FILTER", "pulse::demo=info");
        let child = command.spawn().unwrap();
        let ready = eventually("a demonstration", || Ready::find(&file).unwrap());
        Self { child, ready, home }
    }

    fn command(&self) -> Command {
        let mut command = pulse();
        command.env("PULSE_HTTP", self.ready.http.to_string()).env("PULSE_GRPC", self.ready.grpc.to_string());
        command
    }

    fn items(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.command().args(arguments).args(["--output", "json"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        answer["items"].as_array().unwrap().clone()
    }

    /// The costs of whole days that are over, once all that is behind has been sent.
    fn past(&self) -> Vec<Value> {
        let talk = || fs::read_to_string(self.home.path().join("talk")).unwrap();
        eventually("the whole past", || talk().contains("the demonstration's past is told").then_some(()));
        let whole = ["query", "cost", "--group-by", "tenant,sku", "--wait"];
        self.items(&[&whole[..], &["--from", "-168h", "--to", "-48h"]].concat())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_first_look_shows_money_and_every_kind_of_letter_and_the_seed_decides() {
    let demo = Demo::start("7");
    let costs = demo.items(&["query", "cost"]);
    let with_money =
        costs.iter().filter(|item| item["amount_unrounded"].as_str().is_some_and(|text| text != "0"));
    let skus: BTreeSet<String> = with_money.map(|item| item["group"]["sku"].to_string()).collect();
    assert!(skus.len() >= 5, "{skus:?}");
    let currencies: BTreeSet<&str> = costs.iter().filter_map(|item| item["currency"].as_str()).collect();
    assert_eq!(currencies, ["EUR", "JPY", "USD"].into());
    let reasons: BTreeSet<String> = eventually("fourteen letters", || {
        let letters = demo.items(&["dlq", "stats"]);
        let reasons: BTreeSet<_> = letters.iter().map(|row| row["reason"].to_string()).collect();
        (reasons.len() == 14).then_some(reasons)
    });
    assert!(reasons.contains("\"UNDECODABLE\"") && reasons.contains("\"DUPLICATE_CONFLICT\""), "{reasons:?}");
    let tree = fs::read_to_string(demo.home.path().join("tree")).unwrap();
    let line = tree.lines().find(|line| line.contains("pulse send")).unwrap().trim();
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    let sent = pulse().args(words).output().unwrap();
    assert!(sent.status.success(), "{line}: {}", String::from_utf8_lossy(&sent.stderr));
    let again = Demo::start("7");
    let (past, again) = (demo.past(), again.past());
    assert!(past.len() > 40, "a line for each use of eleven tenants");
    assert_eq!(past, again, "the same seed, the same bill");
    assert!(!Path::new(&demo.home.path().join("pulse-data")).exists(), "nothing is kept");
}

/// The script of `make run`. A signal ends it with its server, also where a test fails.
struct Script(Child);

impl Script {
    fn end(&mut self) -> bool {
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        self.0.wait().is_ok_and(|status| status.success())
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.end();
        }
    }
}

/// Sums a column of the sample usage.
fn sum_of(column: &str) -> u64 {
    let sample = fs::read_to_string(repository("examples/llm-usage.csv")).unwrap();
    let (head, rows) = sample.split_once('\n').unwrap();
    let index = head.trim().split(',').position(|name| name == column).unwrap();
    rows.lines().map(|row| row.split(',').nth(index).unwrap().trim().parse::<u64>().unwrap()).sum()
}

#[test]
fn what_make_run_starts_prints_the_costs_of_the_sample_and_stops_at_a_signal() {
    let home = tempfile::tempdir().unwrap();
    let (out, data) = (home.path().join("out"), home.path().join("data"));
    let mut command = clean(Command::new("bash"));
    command.arg(repository("examples/run.sh")).env("PULSE", env!("CARGO_BIN_EXE_pulse"));
    command.env("PULSE_DATA_DIR", &data).env("TMPDIR", home.path());
    command.env("PULSE_LISTEN_HTTP", "127.0.0.1:0").env("PULSE_LISTEN_GRPC", "127.0.0.1:0");
    command.stdin(Stdio::null()).stdout(fs::File::create(&out).unwrap());
    let talk = home.path().join("talk");
    let mut script = Script(command.stderr(fs::File::create(&talk).unwrap()).spawn().unwrap());
    let told = eventually("the whole of it", || {
        assert_eq!(script.0.try_wait().unwrap(), None, "{}", fs::read_to_string(&talk).unwrap());
        let told = fs::read_to_string(&out).unwrap();
        told.contains("Stop with Ctrl-C").then_some(told)
    });
    for (sku, column) in [("llm.input", "ContextTokens"), ("llm.output", "GeneratedTokens")] {
        let row = told
            .lines()
            .find(|line| line.contains(&format!(" {sku} ")) && line.contains(" token "))
            .unwrap_or_else(|| panic!("{told}"));
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert!(cells.contains(&&sum_of(column).to_string()[..]) && cells.contains(&"USD"), "{row}");
    }
    assert!(told.contains("/v1/costs?group_by=tenant"), "{told}");
    assert!(script.end());
    assert!(!data.join("ready.json").exists(), "the server has gone with its script");
}
