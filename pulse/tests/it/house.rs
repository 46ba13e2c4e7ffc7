//! A house of many processes on Kafka and a CQL server: topics and a keyspace of its own, which go with it.

use super::others::Others;
use super::server::{Process, Server, pulse};
use backends::engines::clear;
use scylla::client::session_builder::SessionBuilder;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A house on engines. Its roles find each other by the topics and the keyspace alone.
pub struct House {
    directory: TempDir,
    /// Of its topics and its keyspace.
    name: String,
    brokers: String,
    nodes: Vec<String>,
    settings: Vec<(&'static str, String)>,
}

/// A role that was started and has not said yet that it is ready.
pub struct Starting {
    process: Process,
    file: PathBuf,
}

impl Starting {
    /// Waits until it is.
    pub fn ready(self) -> Server {
        Server::find_ready(self.process, &self.file).expect("the role ended before it was ready")
    }
}

impl House {
    /// A new house; `None` where there are no engines, which is printed.
    pub fn find() -> Option<Self> {
        let found = Runtime::new()
            .unwrap()
            .block_on(async { Some((backends::engines::kafka().await?, backends::engines::cql().await?)) });
        let (brokers, nodes) = found?;
        Some(Self::on(brokers, nodes))
    }

    /// A new house on those engines.
    pub fn on(brokers: String, nodes: Vec<String>) -> Self {
        let directory = tempfile::Builder::new().prefix("house").rand_bytes(8).tempdir().unwrap();
        let name = directory.path().file_name().unwrap().to_str().unwrap().to_lowercase();
        let settings = vec![
            ("PULSE_KAFKA__BROKERS", brokers.clone()),
            ("PULSE_SCYLLA__NODES", nodes.join(",")),
            ("PULSE_KAFKA__TOPIC_PREFIX", format!("{name}.")),
            ("PULSE_KAFKA__GROUP", name.clone()),
            ("PULSE_KAFKA__PARTITIONS", "4".to_owned()),
            ("PULSE_SCYLLA__KEYSPACE", name.clone()),
            ("PULSE_LISTEN_HTTP", "127.0.0.1:0".to_owned()),
            ("PULSE_LISTEN_GRPC", "127.0.0.1:0".to_owned()),
            ("PULSE_LOG_FILTER", "warn".to_owned()),
        ];
        let house = Self { directory, name, brokers, nodes, settings };
        let applied = house.command().args(["schema", "apply"]).output().unwrap();
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        house
    }

    /// The same house whose roles have one more setting.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.settings.push((name, value.to_owned()));
        self
    }

    /// Where its roles announce themselves.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Where its cells are.
    pub fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// The keyspace of its cells.
    pub fn keyspace(&self) -> &str {
        &self.name
    }

    /// The binary with the settings of this house.
    pub fn command(&self) -> Command {
        let mut command = pulse();
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Somebody who reaches into it.
    pub fn others(&self) -> Others {
        Others::new(&self.brokers, format!("{}.", self.name))
    }

    /// Runs a statement on its store.
    pub fn cql(&self, statement: &str) {
        let run = async {
            let session = SessionBuilder::new().known_nodes(&self.nodes).build().await.unwrap();
            session.query_unpaged(statement, ()).await.unwrap();
        };
        Runtime::new().unwrap().block_on(run);
    }

    /// Its consumer group.
    pub fn group(&self) -> &str {
        &self.name
    }

    /// Starts a role under a name of its own, and does not wait for it.
    pub fn begin(&self, role: &str, name: &str) -> Starting {
        let (mut command, file) = self.role(role, name);
        Starting { process: Process::spawn(&mut command), file }
    }

    /// What starts a role under a name of its own, and the file that says when it is ready.
    pub fn role(&self, role: &str, name: &str) -> (Command, PathBuf) {
        let file = self.directory().join(name);
        let mut command = self.command();
        command.args(["serve", role, "--ready-file"]).arg(&file).stdout(Stdio::null());
        (command, file)
    }

    /// Takes topics and keyspace away.
    async fn clear(&self) -> Option<()> {
        clear::topics(&self.brokers, &format!("{}.", self.name)).await.ok()?;
        clear::keyspace(&self.nodes, &self.name).await.ok()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if Runtime::new().unwrap().block_on(self.clear()).is_none() {
            eprintln!("the topics and the keyspace {} could not be taken away", self.name);
        }
    }
}
