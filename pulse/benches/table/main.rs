//! `make bench`: one table of what pulse does on this machine, beside what the parts it stands on do by themselves.
//!
//! The one path: each row group starts the real server in a process of its own, drives it as clients do, measures the
//! raw limit in the same run, and gives rows; the rows are printed once and written to `docs/benchmarks.md`.
//!
//! `cargo bench -p pulse --bench table [GROUP …]` runs some groups only and writes nothing.
//! Never here: an assertion about time. A number that misses its aim is printed as such.

mod catch_up;
mod closed_loop;
mod cost;
mod disk;
mod echo;
mod engines;
mod flood;
mod growth;
mod http;
mod machine;
mod page;
mod percentile;
mod process;
mod pulses;
mod query;
mod server;
mod start;
mod streams;
mod table;
mod unary;
mod visible;
mod wrk;

use pulse::environment::Environment;
use std::process::ExitCode;
use table::Row;

/// What the groups are told.
pub struct Settings {
    /// How long each measurement goes on, in seconds: `BENCH_SECONDS`.
    pub seconds: u64,
    /// How long full load and flood go on, in minutes: `BENCH_MINUTES`.
    pub minutes: u64,
    /// How large the log is that a restart meets: `BENCH_LOG_BYTES`.
    pub log_bytes: u64,
    /// How far growth goes: `BENCH_GROWTH_PULSES`.
    pub growth_pulses: u64,
    /// How many pulses consumers on engines have to count: `BENCH_BACKLOG_PULSES`.
    pub backlog_pulses: u64,
    /// When growth ends at the latest, in minutes: `BENCH_GROWTH_MINUTES`.
    pub growth_minutes: u64,
}

impl Settings {
    fn of(environment: &Environment) -> anyhow::Result<Self> {
        let number = |name, default| environment.find(name).map_or(Ok(default), str::parse);
        Ok(Self {
            seconds: number("BENCH_SECONDS", 10)?,
            minutes: number("BENCH_MINUTES", 1)?,
            log_bytes: number("BENCH_LOG_BYTES", 2_000_000_000)?,
            growth_pulses: number("BENCH_GROWTH_PULSES", 100_000_000)?,
            backlog_pulses: number("BENCH_BACKLOG_PULSES", 5_000_000)?,
            growth_minutes: number("BENCH_GROWTH_MINUTES", 30)?,
        })
    }
}

/// The groups of rows, in the order of the table.
const GROUPS: [(&str, Group); 9] = [
    ("streams", streams::rows),
    ("unary", unary::rows),
    ("http", http::rows),
    ("catch-up", catch_up::rows),
    ("visible", visible::rows),
    ("query", query::rows),
    ("flood", flood::rows),
    ("start", start::rows),
    ("cost", cost::rows),
];

/// Those with a table of their own, which run only where they are named.
const OTHERS: [(&str, Group, &str); 2] =
    [("growth", growth::rows, page::GROWTH), ("engines", engines::rows, page::ENGINES)];

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
    let others = OTHERS.iter().map(|(name, group, _)| (name, group)).filter(|_| !wanted.is_empty());
    for (name, group) in GROUPS.iter().map(|(name, group)| (name, group)).chain(others) {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            eprintln!("measuring: {name}");
            rows.extend(group(&settings)?);
        }
    }
    let table = table::markdown(&rows);
    println!("{table}");
    let heading = match wanted {
        [] => Some(page::TABLE),
        [one] => OTHERS.iter().find(|(name, ..)| name == one).map(|(.., heading)| *heading),
        _ => None,
    };
    heading.map_or(Ok(()), |heading| page::write(heading, &table))
}
