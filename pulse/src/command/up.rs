//! `pulse up`: everything in this process on one data directory.

use super::Context;
use crate::config::{self, Loaded};
use crate::environment::Environment;
use crate::exit::Exit;
use crate::{telemetry, up};
use clap::Args;
use serde_json::{Map, Value};
use std::net::SocketAddr;
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
    /// Configuration file (TOML)
    #[arg(long, env = "PULSE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the data lives [default: ./pulse-data]
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
    /// Keep nothing: the data goes at exit
    #[arg(long)]
    ephemeral: bool,
    /// Where HTTP is served; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen_http: Option<SocketAddr>,
    /// Where gRPC is served; port 0 picks a free one [default: 127.0.0.1:50051]
    #[arg(long, value_name = "ADDRESS")]
    listen_grpc: Option<SocketAddr>,
    /// Written when everything answers, removed at exit
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

impl ServeFlags {
    /// The configuration under these flags.
    pub fn load(&self, environment: &Environment) -> anyhow::Result<Loaded> {
        config::load(self.config.as_deref(), environment, self.values())
    }

    fn values(&self) -> Value {
        let path = |path: &Option<PathBuf>| {
            path.as_ref().map(|path| Value::from(path.to_string_lossy().into_owned()))
        };
        let address = |address: Option<SocketAddr>| address.map(|address| Value::from(address.to_string()));
        let set = [
            ("data_dir", path(&self.data_dir)),
            ("ephemeral", self.ephemeral.then_some(Value::from(true))),
            ("listen_http", address(self.listen_http)),
            ("listen_grpc", address(self.listen_grpc)),
            ("ready_file", path(&self.ready_file)),
        ];
        let given = set.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        Value::Object(given.collect::<Map<String, Value>>())
    }
}

impl Up {
    /// Runs until a signal, or until `--exit-after`.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let Loaded { mut config, warnings, .. } = self.serve.load(&context.environment)?;
        config.ephemeral |= self.demo && self.serve.data_dir.is_none();
        let telemetry = telemetry::start(&config, &context.environment)?;
        telemetry::end_process_on_panic();
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        let ended = up::run(
            config,
            &context.environment,
            self.exit_after.map(Duration::from_secs),
            self.demo.then_some(self.seed),
        )
        .await;
        telemetry.end().await;
        ended
    }
}
