//! A keyspace of a test's own, dropped when the test ends, however it ends.

use crate::clock;
use backends::engines;
use backends::scylla::{OpenError, ScyllaOptions, ScyllaStore, schema};
use futures::FutureExt;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::deserialize::row::DeserializeRow;
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

pub struct Keyspace {
    pub options: ScyllaOptions,
    session: Session,
}

/// Runs a test with a keyspace that is not there yet; without a server it says so and does not run it.
pub async fn with(test: impl AsyncFnOnce(&Keyspace)) {
    let Some(nodes) = engines::cql().await else { return };
    let session = SessionBuilder::new().known_nodes(&nodes).build().await.unwrap();
    let keyspace = format!("pulse_test_{:x}", RandomState::new().hash_one(std::process::id()));
    // A machine that runs many tests at once may be slow; a rule about a time-out sets its own.
    let request_timeout = Duration::from_secs(30);
    let options = ScyllaOptions { nodes, keyspace, request_timeout, ..ScyllaOptions::default() };
    let keyspace = Keyspace { options, session };
    let ended = AssertUnwindSafe(test(&keyspace)).catch_unwind().await;
    keyspace.run("DROP KEYSPACE IF EXISTS ks").await;
    ended.unwrap_or_else(|panic| resume_unwind(panic));
}

/// The same with all tables.
pub async fn with_schema(test: impl AsyncFnOnce(&Keyspace)) {
    with(async |keyspace| {
        schema::apply(&keyspace.options).await.unwrap();
        test(keyspace).await;
    })
    .await;
}

impl Keyspace {
    pub async fn try_open(&self) -> Result<Arc<ScyllaStore>, OpenError> {
        ScyllaStore::open(self.options.clone(), clock()).await
    }

    pub async fn open(&self) -> Arc<ScyllaStore> {
        self.try_open().await.unwrap()
    }

    /// Runs a statement in which the keyspace is called `ks`, as a person with a shell would.
    pub async fn run(&self, statement: &str) {
        self.session.query_unpaged(self.named(statement), ()).await.unwrap();
    }

    /// The rows of a selection in which the keyspace is called `ks`.
    pub async fn rows<R>(&self, selected: &str) -> Vec<R>
    where
        R: for<'frame, 'metadata> DeserializeRow<'frame, 'metadata>,
    {
        let statement = format!("SELECT {}", self.named(selected));
        let result = self.session.query_unpaged(statement, ()).await.unwrap().into_rows_result().unwrap();
        result.rows::<R>().unwrap().map(Result::unwrap).collect()
    }

    fn named(&self, statement: &str) -> String {
        let name = &self.options.keyspace;
        statement.replace(" ks.", &format!(" {name}.")).replace(" ks", &format!(" {name}"))
    }
}
