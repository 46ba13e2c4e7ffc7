//! What the process says about itself, on standard error.

use crate::config::{Config, LogFormat};
use crate::environment::Environment;
use crate::exit::Failure;
use std::io::{self, IsTerminal};
use tracing_subscriber::EnvFilter;

/// Starts logging; once per process.
pub fn start(config: &Config, environment: &Environment) -> anyhow::Result<()> {
    let filter: EnvFilter =
        config.log_filter.parse().map_err(|error| Failure::usage(format!("log_filter: {error}")))?;
    let is_json = match config.log_format {
        LogFormat::Auto => !io::stderr().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let colours = io::stderr().is_terminal() && environment.find("NO_COLOR").is_none();
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started =
        if is_json { subscriber.json().try_init() } else { subscriber.with_ansi(colours).try_init() };
    started.map_err(|error| anyhow::anyhow!("starting the log: {error}"))
}
