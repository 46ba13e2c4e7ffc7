//! `make bench`: one table of what pulse does on this machine, beside what the parts it stands on do by themselves.
//!
//! The one path: each row group starts the real server in a process of its own, drives it as clients do, measures the
//! raw limit in the same run, and gives rows; the rows are printed once and written to `docs/benchmarks.md`.
//!
//! `cargo bench -p pulse --bench table [GROUP …]` runs some groups only and writes nothing.
//! Never here: an assertion about time. A number that misses its aim is printed as such.

mod disk;
mod echo;
mod machine;
mod pulses;
mod server;
mod streams;
mod table;

use pulse::environment::Environment;
use std::process::ExitCode;
use table::Row;

/// What the groups are told.
pub struct Settings {
    /// How long each measurement goes on, in seconds.
    pub seconds: u64,
}

impl Settings {
    fn of(environment: &Environment) -> anyhow::Result<Self> {
        let number = |name, default| environment.find(name).map_or(Ok(default), str::parse);
        Ok(Self { seconds: number("BENCH_SECONDS", 10)? })
    }
}

/// The groups of rows, in the order of the table.
const GROUPS: [(&str, Group); 1] = [("streams", streams::rows)];

type Group = fn(&Settings) -> anyhow::Result<Vec<Row>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let outcome = match &arguments[..] {
        [role] if role == echo::ROLE => echo::serve(),
        wanted => run(wanted),
    };
    outcome.map_or_else(
        |error| {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

fn run(wanted: &[String]) -> anyhow::Result<()> {
    let settings = Settings::of(&Environment::of_process())?;
    let mut rows = Vec::new();
    for (name, group) in GROUPS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            eprintln!("measuring: {name}");
            rows.extend(group(&settings)?);
        }
    }
    println!("{}", table::markdown(&rows));
    if wanted.is_empty() { table::write(&rows) } else { Ok(()) }
}
