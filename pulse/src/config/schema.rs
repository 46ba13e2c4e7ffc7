//! Every key there is, with its default. A room's keys stand in a table of its name.

use super::Secret;
use crate::exit::Failure;
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
    /// Written beside the data directory's ready file when everything answers.
    pub ready_file: Option<PathBuf>,
    /// What is logged, as directives of `tracing`.
    pub log_filter: String,
    /// How it is logged.
    pub log_format: LogFormat,
    /// How long a shutdown may take.
    pub shutdown_deadline_seconds: u64,
    /// How long records are kept after every reader has passed them.
    pub log_retention_hours: u32,
    /// Signs page tokens: 32 hexadecimal digits. Absent: made at random, once per data directory.
    pub page_token_key: Option<Secret>,
    /// A file that holds `page_token_key`.
    pub page_token_key_file: Option<PathBuf>,
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
            ready_file: None,
            log_filter: "info".to_owned(),
            log_format: LogFormat::Auto,
            shutdown_deadline_seconds: 10,
            log_retention_hours: 7 * 24,
            page_token_key: None,
            page_token_key_file: None,
            ingestor_api: ingestor_api::Config::default(),
            catalog: catalog::Config::default(),
            ingestor_consumer: ingestor_consumer::Config::default(),
        }
    }
}

impl Config {
    /// The rules that one key's type cannot state.
    pub fn check(&self) -> Result<(), Failure> {
        if self.shutdown_deadline_seconds == 0 {
            return Err(Failure::usage("shutdown_deadline_seconds must be at least 1"));
        }
        if self.page_token_key.is_some() && self.page_token_key_file.is_some() {
            return Err(Failure::usage("page_token_key and page_token_key_file must not both be set"));
        }
        Ok(())
    }
}
