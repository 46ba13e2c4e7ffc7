//! The command line: what can be asked for. Each command's own flags stand in its file.

use crate::command::{
    backup, catalog, completions, config, dlq, doctor, explain, import, migrate, price, query, reconcile,
    schema, send, serve, simulate, top, trace, up,
};
use crate::output::Format;
use crate::server::ServerFlags;
use clap::{Parser, Subcommand};

/// Meters usage: takes pulses in, counts each exactly once, prices them by versioned plans.
#[derive(Debug, Parser)]
#[command(name = "pulse", version, about, disable_help_subcommand = true)]
pub struct Cli {
    /// How data is written to standard output
    #[arg(long, short, global = true, value_enum, default_value_t)]
    pub output: Format,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its text would stand in the help")]
    pub server: ServerFlags,
    #[command(subcommand)]
    #[expect(missing_docs, reason = "its text would stand in the help")]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything in this process on one data directory
    Up(up::Up),
    /// Run one part of it in this process, on Kafka and ScyllaDB
    Serve(serve::Serve),
    /// Send one pulse, or many as NDJSON from standard input
    Send(send::Send),
    /// Read or change the catalogue
    #[command(subcommand)]
    Catalog(catalog::Catalog),
    /// Send the rows of a file as pulses; doing it again counts nothing twice
    Import(import::Import),
    /// Send seeded load, and check the bill that comes of it
    Simulate(simulate::Simulate),
    /// Ask for usage or costs
    #[command(subcommand)]
    Query(query::Query),
    /// Explain a charge down to its pulses
    Explain(explain::Explain),
    /// Follow one pulse to its record, its sum and its charge
    Trace(trace::Trace),
    /// Look at price plans before they are published
    #[command(subcommand)]
    Price(price::Price),
    /// Look at what was refused and kept, and send it again
    #[command(subcommand)]
    Dlq(dlq::Dlq),
    /// Check that the books balance
    Reconcile(reconcile::Reconcile),
    /// Show how the pipeline is doing, again and again
    Top(top::Top),
    /// Look for what is wrong here, and say what to do
    Doctor(doctor::Doctor),
    /// Copy a data directory, also while a server works with it
    Backup(backup::Backup),
    /// Make a data directory from a backup
    Restore(backup::Restore),
    /// Move a house from its data directory to Kafka and ScyllaDB
    Migrate(migrate::Migrate),
    /// Make or check what the store and the log are kept in
    #[command(subcommand)]
    Schema(schema::Schema),
    /// Print a shell's completions
    Completions(completions::Completions),
    /// Show or check the configuration
    #[command(subcommand)]
    Config(config::ConfigCommand),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
