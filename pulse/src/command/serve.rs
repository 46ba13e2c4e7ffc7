//! `pulse serve ROLE`: one part of the house in this process, on Kafka and ScyllaDB.

use super::Context;
use crate::config::{self, Loaded};
use crate::environment::Environment;
use crate::exit::{Exit, Failure};
use crate::telemetry;
use crate::up::{self, Job, Role};
use clap::Args;
use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Run one part of the house in this process, on Kafka and ScyllaDB.
#[derive(Args, Debug)]
pub struct Serve {
    /// Which part
    #[arg(value_enum)]
    role: Role,
    #[command(flatten)]
    listen: ListenFlags,
    /// End by itself after this many seconds
    #[arg(long, value_name = "SECONDS")]
    exit_after: Option<u64>,
}

/// The flags of every command that listens.
#[derive(Args, Clone, Debug, Default)]
pub struct ListenFlags {
    /// Configuration file (TOML)
    #[arg(long, env = "PULSE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where HTTP is served; port 0 picks a free one [default: port 8080, of `up` on 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    listen_http: Option<SocketAddr>,
    /// Where gRPC is served; port 0 picks a free one [default: port 50051, of `up` on 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    listen_grpc: Option<SocketAddr>,
    /// Written when everything answers, removed at exit
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

impl ListenFlags {
    /// The keys that are given.
    pub fn values(&self) -> Map<String, Value> {
        let address = |address: Option<SocketAddr>| address.map(|address| Value::from(address.to_string()));
        let set = [
            ("listen_http", address(self.listen_http)),
            ("listen_grpc", address(self.listen_grpc)),
            ("ready_file", self.ready_file.as_ref().map(|path| Value::from(path.to_string_lossy()))),
        ];
        set.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }
}

impl Serve {
    /// Runs until a signal, or until `--exit-after`.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let Loaded { config, warnings, .. } = self.load(&context.environment)?;
        let exit_after = self.exit_after.map(Duration::from_secs);
        let job = Job { roles: vec![self.role], config, exit_after, demo_seed: None };
        run(job, warnings, context).await
    }

    /// Other processes call this one from elsewhere: it listens on every address.
    fn load(&self, environment: &Environment) -> anyhow::Result<Loaded> {
        let everywhere = json!({"listen_http": "0.0.0.0:8080", "listen_grpc": "0.0.0.0:50051"});
        let flags = Value::Object(self.listen.values());
        let loaded = config::load_over(everywhere, self.listen.config.as_deref(), environment, flags)?;
        if loaded.config.is_on_engines() {
            return Ok(loaded);
        }
        let advice = "serve needs kafka.brokers and scylla.nodes, which all roles share; `pulse up` runs everything in one process on a data directory";
        Err(Failure::usage(advice).into())
    }
}

/// Does a job with the process's log and traces around it.
pub async fn run(job: Job, warnings: Vec<String>, context: &Context) -> anyhow::Result<Exit> {
    let telemetry = telemetry::start(&job.config, &context.environment)?;
    telemetry::end_process_on_panic();
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    for address in [job.config.listen_http, job.config.listen_grpc] {
        if !address.ip().is_loopback() {
            tracing::warn!(%address, "there is no authentication yet: whoever reaches this address can read and write everything");
        }
    }
    let ended = up::run(job, &context.environment).await;
    telemetry.end().await;
    ended
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    fn serve(arguments: &[&str]) -> Serve {
        let cli = Cli::try_parse_from(["pulse", "serve"].iter().chain(arguments)).unwrap();
        let Command::Serve(serve) = cli.command else { panic!("{cli:?}") };
        serve
    }

    fn on_engines() -> Environment {
        Environment::from([("PULSE_KAFKA__BROKERS", "a:9092"), ("PULSE_SCYLLA__NODES", "a:9042")])
    }

    #[test]
    fn a_role_listens_everywhere_unless_it_is_told_where() {
        let loaded = serve(&["catalog"]).load(&on_engines()).unwrap();
        let Loaded { config, .. } = loaded;
        assert_eq!(config.listen_http.to_string(), "0.0.0.0:8080");
        assert_eq!(config.listen_grpc.to_string(), "0.0.0.0:50051");
        let told = serve(&["query-api", "--listen-http", "127.0.0.1:1", "--ready-file", "/r"]);
        let Loaded { config, .. } = told.load(&on_engines()).unwrap();
        assert_eq!(config.listen_http.to_string(), "127.0.0.1:1");
        assert_eq!(config.ready_file, Some("/r".into()));
    }

    #[test]
    fn a_role_without_engines_is_refused_with_what_to_do() {
        let error = serve(&["catalog"]).load(&Environment::default()).unwrap_err();
        assert_eq!(Exit::of(&error), Exit::Usage);
        assert!(
            error.to_string().contains("kafka.brokers") && error.to_string().contains("pulse up"),
            "{error}"
        );
    }

    #[test]
    fn a_role_that_is_none_is_refused_with_those_there_are() {
        let error = Cli::try_parse_from(["pulse", "serve", "everything"]).unwrap_err().to_string();
        for role in ["ingestor-api", "ingestor-consumer", "catalog", "query-api"] {
            assert!(error.contains(role), "{error}");
        }
    }
}
