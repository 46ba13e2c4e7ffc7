//! A house of roles on the engines that the environment names, which goes with its topics and keyspaces.

use crate::server::{Home, Server, pulse};
use anyhow::{Context, bail};
use backends::engines::clear;
use pulse::environment::Environment;
use std::error::Error;
use std::process::Command;
use tokio::runtime::Runtime;

const PARTITIONS: &str = "4";

/// Where a house lies.
pub struct Site {
    home: Home,
    brokers: String,
    nodes: String,
    /// Before the names of its topics.
    prefix: String,
    keyspace: String,
    /// Whether the topics go with it.
    owns_topics: bool,
}

impl Site {
    /// A new one.
    pub fn find(name: &str) -> anyhow::Result<Self> {
        let needed =
            "run `make bench-engines`, or name engines by PULSE_KAFKA__BROKERS and PULSE_SCYLLA__NODES";
        let environment = Environment::of_process();
        let find = |name: &str| environment.find(name).map(str::to_owned).context(needed);
        let (brokers, nodes) = (find("PULSE_KAFKA__BROKERS")?, find("PULSE_SCYLLA__NODES")?);
        let house = format!("bench{}", std::process::id());
        let site = Self {
            home: Home::new()?,
            brokers,
            nodes,
            keyspace: format!("{house}{name}"),
            prefix: format!("{house}."),
            owns_topics: true,
        };
        site.apply_schema()?;
        Ok(site)
    }

    /// The same log, counted anew.
    pub fn with_store_of_its_own(&self, name: &str) -> anyhow::Result<Self> {
        let site = Self {
            home: Home::new()?,
            brokers: self.brokers.clone(),
            nodes: self.nodes.clone(),
            keyspace: format!("{}{name}", self.keyspace),
            prefix: self.prefix.clone(),
            owns_topics: false,
        };
        site.apply_schema()?;
        Ok(site)
    }

    fn apply_schema(&self) -> anyhow::Result<()> {
        let output = self.command().args(["schema", "apply"]).output().context("making the schema")?;
        if !output.status.success() {
            bail!("schema apply: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// The brokers.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// The CQL nodes.
    pub fn nodes(&self) -> Vec<String> {
        self.nodes.split(',').map(str::to_owned).collect()
    }

    /// The keyspace of its cells.
    pub fn keyspace(&self) -> &str {
        &self.keyspace
    }

    /// A topic of the brokers.
    pub fn name(&self, topic: &str) -> String {
        format!("{}{topic}", self.prefix)
    }

    /// The topic of the pulses.
    pub fn pulses(&self) -> String {
        self.name("resource-consumption.g1")
    }

    fn command(&self) -> Command {
        let mut command = pulse();
        command
            .env("PULSE_KAFKA__BROKERS", &self.brokers)
            .env("PULSE_KAFKA__TOPIC_PREFIX", &self.prefix)
            .env("PULSE_KAFKA__GROUP", &self.keyspace)
            .env("PULSE_KAFKA__PARTITIONS", PARTITIONS)
            .env("PULSE_SCYLLA__NODES", &self.nodes)
            .env("PULSE_SCYLLA__KEYSPACE", &self.keyspace);
        command
    }

    /// A process of that role, ready.
    pub fn start(&self, role: &str) -> anyhow::Result<Server> {
        let mut command = self.command();
        command.args(["serve", role]);
        self.home.start_with(command).with_context(|| format!("starting {role}"))
    }

    async fn clear(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        clear::keyspace(&self.nodes(), &self.keyspace).await?;
        if self.owns_topics { clear::topics(&self.brokers, &self.prefix).await } else { Ok(()) }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let cleared = Runtime::new().map_err(Into::into).and_then(|runtime| runtime.block_on(self.clear()));
        if let Err(error) = cleared {
            eprintln!("{} could not be taken away: {error}", self.keyspace);
        }
    }
}
