//! The table `kafka`: the log on brokers.

use super::Secret;
use super::secret::resolve;
use crate::exit::Failure;
use backends::kafka::{self, KafkaOptions, Sasl, Security};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// Where the log is, when it is on brokers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The brokers that hold the log, as `HOST:PORT,HOST:PORT`; set it together with `scylla.nodes`. Absent: the log is
    /// a file in `data_dir`.
    pub brokers: Option<String>,
    /// Begins the name of every topic: the same brokers can serve several houses.
    pub topic_prefix: String,
    /// The consumer group that shares partitions out.
    pub group: String,
    /// Partitions of generation 1 and of the topics kept by tenant. Read where the topics are made; more come by a new
    /// generation.
    pub partitions: u32,
    /// Copies of each partition, asked for where topics are made. Three in production.
    pub replication: i32,
    /// Copies that must have a record before it is acknowledged; topics of another setting are refused. Two in
    /// production.
    pub min_insync_replicas: i32,
    /// How long brokers keep records, read or not; the catalogue's are kept for ever. What lies longer than the ledger
    /// surely knows, eight days, cannot be counted any more.
    pub retention_hours: u32,
    /// How records are compressed on the wire and on the brokers' disks.
    pub compression: Compression,
    /// Encrypted connections; needs a build with the feature `kafka-tls`.
    pub tls: bool,
    /// Certificates in PEM that the brokers' own must descend from. Absent: those of the system.
    pub tls_ca_file: Option<PathBuf>,
    /// How to log in: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`; needs a build with the feature `kafka-tls`.
    pub sasl_mechanism: String,
    /// Who logs in, where the brokers ask for it.
    pub username: Option<String>,
    /// The password of `username`.
    pub password: Option<Secret>,
    /// A file that holds `password`.
    pub password_file: Option<PathBuf>,
}

/// How records are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all: they are packed already.
    None,
    /// Smaller on disk, for time of the edge.
    Zstd,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            brokers: None,
            topic_prefix: String::new(),
            group: "pulse".to_owned(),
            partitions: 8,
            replication: 1,
            min_insync_replicas: 1,
            retention_hours: 7 * 24,
            compression: Compression::None,
            tls: false,
            tls_ca_file: None,
            sasl_mechanism: "SCRAM-SHA-512".to_owned(),
            username: None,
            password: None,
            password_file: None,
        }
    }
}

impl Config {
    /// How to reach the log; `None`: it is embedded. Reads the files that are named.
    pub fn options(&self) -> anyhow::Result<Option<KafkaOptions>> {
        let Some(brokers) = &self.brokers else { return Ok(None) };
        if self.min_insync_replicas > self.replication {
            let rule =
                "kafka.min_insync_replicas must be at most kafka.replication: else nothing is ever stored";
            return Err(Failure::usage(rule).into());
        }
        let compression = match self.compression {
            Compression::None => kafka::Compression::None,
            Compression::Zstd => kafka::Compression::Zstd,
        };
        Ok(Some(KafkaOptions {
            brokers: brokers.clone(),
            topic_prefix: self.topic_prefix.clone(),
            group: self.group.clone(),
            replication: self.replication,
            min_insync_replicas: self.min_insync_replicas,
            retention: Duration::from_secs(u64::from(self.retention_hours) * 3_600),
            compression,
            security: self.security()?,
            ..KafkaOptions::default()
        }))
    }

    fn security(&self) -> anyhow::Result<Option<Security>> {
        let password = resolve(self.password.as_ref(), self.password_file.as_deref())?;
        let sasl = match (self.username.clone(), password) {
            (Some(username), Some(password)) => {
                Some(Sasl { mechanism: self.sasl_mechanism.clone(), username, password })
            }
            (None, None) => None,
            _ => {
                let rule = "kafka.username and kafka.password are given together or not at all";
                return Err(Failure::usage(rule).into());
            }
        };
        let is_plain = !self.tls && sasl.is_none();
        Ok((!is_plain).then(|| Security { tls: self.tls, ca_file: self.tls_ca_file.clone(), sasl }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(config: Config) -> KafkaOptions {
        Config { brokers: Some("a:9092,b:9092".to_owned()), ..config }.options().unwrap().unwrap()
    }

    #[test]
    fn without_brokers_the_log_is_embedded() {
        assert!(Config::default().options().unwrap().is_none());
    }

    #[test]
    fn more_copies_in_sync_than_there_are_is_refused() {
        let config =
            Config { brokers: Some("a:9092".to_owned()), min_insync_replicas: 2, ..Config::default() };
        let told = config.options().unwrap_err().to_string();
        assert!(told.starts_with("kafka.min_insync_replicas must be at most kafka.replication"), "{told}");
    }

    #[test]
    fn every_key_reaches_the_client() {
        let options = on(Config {
            topic_prefix: "north.".to_owned(),
            group: "house".to_owned(),
            replication: 3,
            min_insync_replicas: 2,
            retention_hours: 48,
            compression: Compression::Zstd,
            ..Config::default()
        });
        assert_eq!(options.brokers, "a:9092,b:9092");
        assert_eq!((options.topic_prefix.as_str(), options.group.as_str()), ("north.", "house"));
        assert_eq!((options.replication, options.min_insync_replicas), (3, 2));
        assert_eq!(options.retention.as_secs(), 48 * 3_600);
        assert_eq!(options.compression, kafka::Compression::Zstd);
        assert_eq!(options.security, None);
    }

    #[test]
    fn a_name_or_encryption_makes_connections_secure() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hush\n").unwrap();
        let login = Config {
            username: Some("pulse".to_owned()),
            password_file: Some(file.path().to_owned()),
            ..Config::default()
        };
        let security = on(login).security.unwrap();
        let sasl = security.sasl.unwrap();
        assert_eq!((security.tls, sasl.mechanism.as_str()), (false, "SCRAM-SHA-512"));
        assert_eq!((sasl.username.as_str(), sasl.password.as_str()), ("pulse", "hush"));
        let encrypted = Config { tls: true, tls_ca_file: Some("/ca".into()), ..Config::default() };
        let expected = Security { tls: true, ca_file: Some("/ca".into()), sasl: None };
        assert_eq!(on(encrypted).security, Some(expected));
    }

    #[test]
    fn a_name_without_its_password_is_refused() {
        let config =
            Config { brokers: Some("a".to_owned()), username: Some("pulse".to_owned()), ..Config::default() };
        let text = config.options().unwrap_err().to_string();
        assert_eq!(text, "kafka.username and kafka.password are given together or not at all");
    }
}
