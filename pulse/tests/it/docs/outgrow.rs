//! The way from one process to Kafka and ScyllaDB, walked as the first screen describes it.

use super::super::house::House;
use super::super::server::{Home, Process, Server};
use super::page::Page;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What the section's commands may need: the engines' variables, where the data is, and the roles that run by then.
struct Walk {
    roles: Vec<(String, Server)>,
    home: Home,
    house: House,
}

impl Walk {
    /// A line as somebody would paste it, but for the ports, which are free ones here.
    fn shell(&self, line: &str) -> Command {
        let binary = env!("CARGO_BIN_EXE_pulse");
        let mut shell = Command::new("sh");
        for (name, value) in self.house.command().get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        for (role, server) in &self.roles {
            match role.as_str() {
                "query-api" => shell.env("PULSE_HTTP", server.ready.http.to_string()),
                "ingestor-api" => shell.env("PULSE_GRPC", server.ready.grpc.to_string()),
                _ => &mut shell,
            };
        }
        shell.arg("-c").arg(line.replace("target/release/pulse", binary));
        shell.env("PULSE_DATA_DIR", self.home.data_dir()).current_dir(self.home.path("."));
        shell
    }

    /// Starts what the line leaves running, and waits until it is ready.
    fn start(&mut self, line: &str) {
        let role = line.split_whitespace().nth(2).unwrap().to_owned();
        let ready = self.home.path(&format!("{role}.json"));
        let ports = line.split(' ').map(|word| if is_address(word) { "127.0.0.1:0" } else { word });
        let line = ports.collect::<Vec<_>>().join(" ");
        let mut shell = self.shell(&format!("exec {line} --ready-file {}", ready.display()));
        let process = Process::spawn(shell.stdout(Stdio::null()));
        self.roles.push((role, Server::find_ready(process, Path::new(&ready)).unwrap()));
    }

    fn run(&self, line: &str) -> Output {
        let output = self.shell(line).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(!output.stdout.is_empty() || !output.stderr.is_empty(), "{line} says nothing");
        output
    }

    /// What a line of the section answers, as JSON.
    fn json(&self, command: &str) -> Value {
        serde_json::from_slice(&self.run(&format!("{command} --output json")).stdout).unwrap()
    }
}

fn is_address(word: &str) -> bool {
    word.starts_with("127.0.0.1:")
}

/// The command of a line, without what is said about it.
fn command(line: &str) -> &str {
    line.split(" #").next().unwrap_or_default().trim_end()
}

#[test]
fn the_way_out_of_one_process_can_be_walked() {
    let Some(house) = House::find() else { return };
    let section = Page::read("README.md").section("Outgrow the laptop");
    let lines = section.commands();
    let lines: Vec<&str> = lines.iter().map(|line| command(line)).collect();
    assert_eq!(&lines[..2], ["make engines", "eval \"$(deploy/engines/run env)\""]);

    let home = Home::new();
    let one = super::house(&home);
    one.settle();
    let costs = ["query", "cost", "--tenant", "acme", "--from", "-48h"];
    let (cost, books) = (one.json(0, &costs), one.json(0, &["reconcile"]));
    one.signal("TERM");
    assert_eq!(one.exit_code(), Some(0));
    assert_eq!(books["applied"], "500");

    let mut walk = Walk { house, home, roles: Vec::new() };
    let mut asked = Vec::new();
    for line in &lines[2..] {
        match line.strip_suffix(" &") {
            Some(line) => walk.start(line),
            None if line.contains(" reconcile") => {
                let moved = walk.json(line);
                for count in ["applied", "duplicate", "dead_lettered", "difference"] {
                    assert_eq!(moved[count], books[count], "{count}");
                }
                asked.push("reconcile");
            }
            None if line.contains(" query cost") => {
                assert!(line.ends_with(&costs.join(" ")), "{line}");
                assert_eq!(walk.json(line)["items"], cost["items"]);
                asked.push("cost");
            }
            None => drop(walk.run(line)),
        }
    }
    assert_eq!(walk.roles.len(), 4);
    assert_eq!(asked, ["reconcile", "cost"]);
}
