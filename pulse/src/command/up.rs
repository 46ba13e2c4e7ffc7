//! `pulse up`: everything in this process, on one data directory or on Kafka and ScyllaDB.

use super::Context;
use super::serve::{self, ListenFlags};
use crate::config::{self, Loaded};
use crate::environment::Environment;
use crate::exit::Exit;
use crate::up::{Job, Role};
use clap::Args;
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::time::Duration;

/// Run everything in this process on one data directory.
#[derive(Args, Debug)]
pub struct Up {
    #[command(flatten)]
    serve: ServeFlags,
    /// End by itself after this many seconds
    #[arg(long, value_name = "SECONDS")]
    exit_after: Option<u64>,
    /// Show a demonstration: twelve tenants, nine SKUs, thirty days behind now, and live usage; without --data-dir it is
    /// kept in memory
    #[arg(long)]
    demo: bool,
    /// Which demonstration: the same seed tells the same past
    #[arg(long, value_name = "NUMBER", requires = "demo", default_value_t = 1)]
    seed: u64,
    /// Open no browser: none ever is
    #[arg(long = "no-open")]
    _no_open: bool,
}

/// The flags that set configuration keys.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeFlags {
    #[command(flatten)]
    listen: ListenFlags,
    /// Where the data lives [default: ./pulse-data]
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
    /// Keep nothing: the data goes at exit
    #[arg(long)]
    ephemeral: bool,
}

impl ServeFlags {
    /// The configuration under these flags.
    pub fn load(&self, environment: &Environment) -> anyhow::Result<Loaded> {
        config::load(self.listen.config.as_deref(), environment, Value::Object(self.values()))
    }

    fn values(&self) -> Map<String, Value> {
        let mut values = self.listen.values();
        if let Some(path) = &self.data_dir {
            values.insert("data_dir".to_owned(), Value::from(path.to_string_lossy()));
        }
        if self.ephemeral {
            values.insert("ephemeral".to_owned(), Value::from(true));
        }
        values
    }
}

impl Up {
    /// Runs until a signal, or until `--exit-after`.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let Loaded { mut config, warnings, .. } = self.serve.load(&context.environment)?;
        config.ephemeral |= self.demo && self.serve.data_dir.is_none() && !config.is_on_engines();
        let job = Job {
            roles: Role::ALL.to_vec(),
            config,
            exit_after: self.exit_after.map(Duration::from_secs),
            demo_seed: self.demo.then_some(self.seed),
        };
        serve::run(job, warnings, context).await
    }
}
