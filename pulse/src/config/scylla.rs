//! The table `scylla`: the store on ScyllaDB, or on whatever else speaks CQL.

use super::Secret;
use super::secret::resolve;
use anyhow::Context;
use backends::scylla::{ScyllaOptions, Tls};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::PathBuf;

/// Where the store is, when it is on nodes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Some nodes that hold the store, as `HOST:PORT,HOST:PORT`; set it together with `kafka.brokers`. Absent: the
    /// store is a file in `data_dir`.
    pub nodes: Option<String>,
    /// The keyspace of the tables; `pulse schema apply` makes it.
    pub keyspace: String,
    /// The least number of copies in every datacentre. Three in production.
    pub replication: u32,
    /// Who logs in, where the nodes ask for it.
    pub username: Option<String>,
    /// The password of `username`.
    pub password: Option<Secret>,
    /// A file that holds `password`.
    pub password_file: Option<PathBuf>,
    /// Certificates in PEM that the nodes' own must descend from; connections are encrypted where it is set.
    pub tls_ca_file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        let ScyllaOptions { keyspace, replication, .. } = ScyllaOptions::default();
        Self {
            nodes: None,
            keyspace,
            replication,
            username: None,
            password: None,
            password_file: None,
            tls_ca_file: None,
        }
    }
}

impl Config {
    /// How to reach the store; `None`: it is embedded. Reads the files that are named.
    pub fn options(&self) -> anyhow::Result<Option<ScyllaOptions>> {
        let Some(nodes) = &self.nodes else { return Ok(None) };
        let ca = self.tls_ca_file.as_ref();
        let ca = ca.map(|path| fs::read(path).with_context(|| format!("reading {}", path.display())));
        Ok(Some(ScyllaOptions {
            nodes: nodes.split(',').map(|node| node.trim().to_owned()).collect(),
            keyspace: self.keyspace.clone(),
            username: self.username.clone(),
            password: resolve(self.password.as_ref(), self.password_file.as_deref())?,
            tls: ca.transpose()?.map(|ca_pem| Tls { ca_pem }),
            replication: self.replication,
            ..ScyllaOptions::default()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_nodes_the_store_is_embedded() {
        assert_eq!(Config::default().options().unwrap(), None);
    }

    #[test]
    fn every_key_reaches_the_driver() {
        let home = tempfile::tempdir().unwrap();
        let (secret, ca) = (home.path().join("secret"), home.path().join("ca.pem"));
        fs::write(&secret, "hunter2\n").unwrap();
        fs::write(&ca, "PEM").unwrap();
        let config = Config {
            nodes: Some("a:9042, b:9043".to_owned()),
            keyspace: "house".to_owned(),
            replication: 3,
            username: Some("pulse".to_owned()),
            password: None,
            password_file: Some(secret),
            tls_ca_file: Some(ca),
        };
        let options = config.options().unwrap().unwrap();
        assert_eq!(options.nodes, ["a:9042", "b:9043"]);
        assert_eq!((options.keyspace.as_str(), options.replication), ("house", 3));
        assert_eq!(
            (options.username.as_deref(), options.password.as_deref()),
            (Some("pulse"), Some("hunter2"))
        );
        assert_eq!(options.tls.unwrap().ca_pem, b"PEM");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let nodes = Some("a".to_owned());
        for config in [
            Config { nodes: nodes.clone(), password_file: Some("/no/such".into()), ..Config::default() },
            Config { nodes, tls_ca_file: Some("/no/such".into()), ..Config::default() },
        ] {
            assert_eq!(config.options().unwrap_err().to_string(), "reading /no/such");
        }
    }
}
