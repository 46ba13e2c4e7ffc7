//! Every key there is, with its default. A room's keys stand in a table of its name.

use super::{Secret, kafka, scylla};
use crate::server::DEFAULT_DATA_DIR;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// The configuration of a server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the embedded log and store live.
    pub data_dir: PathBuf,
    /// Keep the data in a directory of its own that goes at exit.
    pub ephemeral: bool,
    /// Where HTTP is served; port 0 picks a free one.
    pub listen_http: SocketAddr,
    /// Where gRPC is served; port 0 picks a free one.
    pub listen_grpc: SocketAddr,
    /// Connections served at a time, at each of the two.
    pub connections_max: usize,
    /// Memory of the process past which only a few requests are served at a time and the others told to come again.
    pub memory_bytes_max: u64,
    /// Bytes that must be free where the data lies; below it the server is not ready.
    pub disk_free_bytes_min: u64,
    /// Seconds that counting may be behind; past it the server is not ready.
    pub lag_seconds_max: u32,
    /// Written beside the data directory's ready file when everything answers.
    pub ready_file: Option<PathBuf>,
    /// What is logged, as directives of `tracing`. The CQL driver is left out: while a node is down it writes several lines a second, and a call that fails is told by its caller.
    pub log_filter: String,
    /// How it is logged.
    pub log_format: LogFormat,
    /// Where traces are sent by OTLP over gRPC, a URL. Absent: what `OTEL_EXPORTER_OTLP_ENDPOINT` says, else nowhere.
    pub trace_endpoint: Option<String>,
    /// Of the requests that bring no trace of their own one in so many is traced; 0: none.
    pub trace_one_in: u32,
    /// How long a shutdown may take.
    pub shutdown_deadline_seconds: u64,
    /// How long records are kept after every reader has passed them.
    pub log_retention_hours: u32,
    /// Signs page tokens: 32 hexadecimal digits. Absent: made at random once per data directory; on engines it follows
    /// from the key of generation 1, the same in every process.
    pub page_token_key: Option<Secret>,
    /// A file that holds `page_token_key`. It is read again every five seconds; tokens of the key before are taken
    /// until
    /// the next change.
    pub page_token_key_file: Option<PathBuf>,
    /// The log on brokers.
    pub kafka: kafka::Config,
    /// The store on nodes.
    pub scylla: scylla::Config,
    /// The bounds of the write edge.
    pub ingestor_api: ingestor_api::Config,
    /// How the catalogue prices.
    pub catalog: catalog::Config,
    /// The bounds of the consumer.
    pub ingestor_consumer: ingestor_consumer::Config,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON lines elsewhere.
    Auto,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            data_dir: DEFAULT_DATA_DIR.into(),
            ephemeral: false,
            listen_http: loopback(8080),
            listen_grpc: loopback(50051),
            connections_max: 1_024,
            memory_bytes_max: 768 * 1024 * 1024,
            disk_free_bytes_min: 256 * 1024 * 1024,
            lag_seconds_max: 300,
            ready_file: None,
            log_filter: "info,scylla=off".to_owned(),
            log_format: LogFormat::Auto,
            trace_endpoint: None,
            trace_one_in: 100,
            shutdown_deadline_seconds: 10,
            log_retention_hours: 7 * 24,
            page_token_key: None,
            page_token_key_file: None,
            kafka: kafka::Config::default(),
            scylla: scylla::Config::default(),
            ingestor_api: ingestor_api::Config::default(),
            catalog: catalog::Config::default(),
            ingestor_consumer: ingestor_consumer::Config::default(),
        }
    }
}

impl Config {
    /// The rules that one key's type cannot state; what is broken is told by its key.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let least_one = [
            ("shutdown_deadline_seconds", self.shutdown_deadline_seconds == 0),
            ("connections_max", self.connections_max == 0),
            ("memory_bytes_max", self.memory_bytes_max == 0),
        ];
        if let Some((key, _)) = least_one.iter().find(|(_, is_zero)| *is_zero) {
            return Err((key, " must be at least 1"));
        }
        match (self.kafka.brokers.is_some(), self.scylla.nodes.is_some()) {
            (true, false) => return Err(("scylla.nodes", " must be set beside kafka.brokers")),
            (false, true) => return Err(("kafka.brokers", " must be set beside scylla.nodes")),
            (true, true) if self.ephemeral => {
                return Err(("ephemeral", " must not be set beside kafka.brokers"));
            }
            _ => {}
        }
        self.check_secrets()
    }

    fn check_secrets(&self) -> Result<(), (&'static str, &'static str)> {
        let Self { kafka, scylla, .. } = self;
        let twins = [
            (
                &self.page_token_key,
                &self.page_token_key_file,
                "page_token_key_file",
                " must not be set beside page_token_key",
            ),
            (
                &kafka.password,
                &kafka.password_file,
                "kafka.password_file",
                " must not be set beside kafka.password",
            ),
            (
                &scylla.password,
                &scylla.password_file,
                "scylla.password_file",
                " must not be set beside scylla.password",
            ),
        ];
        match twins.iter().find(|(secret, file, ..)| secret.is_some() && file.is_some()) {
            Some((_, _, key, rule)) => Err((key, rule)),
            None => Ok(()),
        }
    }

    /// Whether log and store are on brokers and nodes, not in a data directory.
    pub fn is_on_engines(&self) -> bool {
        self.kafka.brokers.is_some()
    }
}
