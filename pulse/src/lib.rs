//! The one binary `pulse`: command line, configuration, wiring, telemetry, signals.
//!
//! The one path: [`main`] reads the arguments and runs one [`command`]. `up` reads its [`config`], opens the backends,
//! builds the rooms on them, listens, writes its ready file, waits for a signal and drains; every other command is a
//! client that finds a [`server`] and talks to it over REST or gRPC.
//!
//! Never here: a rule about usage or money. Only here: environment, files, signals and the wall clock.

pub mod cli;
pub mod client;
pub mod command;
pub mod config;
pub mod crash_points;
pub mod demo;
pub mod dice;
pub mod environment;
pub mod exit;
pub mod import;
pub mod metrics;
pub mod output;
mod process;
pub mod ready_file;
pub mod server;
pub mod simulate;
pub mod system_clock;
pub mod telemetry;
pub mod up;
pub mod welcome;

use clap::Parser;
use std::process::ExitCode;

/// Runs the command of the process's arguments.
pub fn main() -> ExitCode {
    let environment = environment::Environment::of_process();
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(help_or_refusal) => help_or_refusal.exit(),
    };
    let runtime = tokio::runtime::Runtime::new().expect("a process has threads and a reactor");
    let result = runtime.block_on(command::run(cli, environment));
    let exit = result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        exit::Exit::of(&error)
    });
    // A task that still reads standard input must not hold the process.
    runtime.shutdown_background();
    exit.into()
}
