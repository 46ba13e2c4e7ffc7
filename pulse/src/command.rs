//! The commands, one per file.

pub mod asking;
pub mod backup;
pub mod catalog;
pub mod completions;
pub mod config;
pub mod dlq;
pub mod doctor;
pub mod explain;
pub mod import;
pub mod migrate;
pub mod price;
pub mod query;
pub mod reconcile;
pub mod schema;
pub mod send;
pub mod serve;
pub mod simulate;
pub mod top;
pub mod trace;
pub mod up;

use crate::cli::{Cli, Command};
use crate::environment::Environment;
use crate::exit::Exit;
use crate::output::Format;
use crate::server::{Server, ServerFlags};

/// What every command is given.
#[derive(Clone, Debug)]
pub struct Context {
    /// How data is written.
    pub format: Format,
    /// Which server to talk to.
    pub server: ServerFlags,
    /// The process's environment.
    pub environment: Environment,
}

impl Context {
    /// The server to talk to.
    pub fn find_server(&self) -> anyhow::Result<Server> {
        Server::find(&self.server, &self.environment)
    }
}

/// Runs the command that was asked for.
pub async fn run(cli: Cli, environment: Environment) -> anyhow::Result<Exit> {
    let context = Context { format: cli.output, server: cli.server, environment };
    match cli.command {
        Command::Up(command) => command.run(&context).await,
        Command::Serve(command) => command.run(&context).await,
        Command::Send(command) => command.run(&context).await,
        Command::Catalog(command) => command.run(&context).await,
        Command::Import(command) => command.run(&context).await,
        Command::Simulate(command) => command.run(&context).await,
        Command::Query(command) => command.run(&context).await,
        Command::Dlq(command) => command.run(&context).await,
        Command::Reconcile(command) => command.run(&context).await,
        Command::Explain(command) => command.run(&context).await,
        Command::Trace(command) => command.run(&context).await,
        Command::Price(command) => command.run(&context).await,
        Command::Top(command) => command.run(&context).await,
        Command::Doctor(command) => command.run(&context).await,
        Command::Backup(command) => command.run(&context).await,
        Command::Restore(command) => command.run(&context).await,
        Command::Migrate(command) => command.run(&context).await,
        Command::Schema(command) => command.run(&context).await,
        Command::Completions(command) => command.run(),
        Command::Config(command) => command.run(&context),
    }
}
