//! Finding Kafka and a CQL server for tests: what the environment names, else containers, else what `make engines`
//! started.
//!
//! The one path: the first test that asks looks for the whole process and says on stderr what it found; every later
//! one is given the same. Where nothing is found a test gets nothing and leaves, which is said too; under
//! `PULSE_REQUIRE_ENGINES=1` it fails instead.
//!
//! Never here: a setting of an engine; those lie in `deploy/engines`.

pub mod clear;
mod container;

pub use container::{KAFKA_IMAGE, SCYLLA_ARGUMENTS, SCYLLA_IMAGE, at_the_end};

use container::StartError;
use futures::future::BoxFuture;
use std::io::Write;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::timeout;

static KAFKA: Engine = Engine {
    name: "Kafka",
    variable: "PULSE_KAFKA__BROKERS",
    address: "127.0.0.1:19092",
    start: || Box::pin(container::kafka()),
    found: OnceCell::const_new(),
};

static CQL: Engine = Engine {
    name: "a CQL server",
    variable: "PULSE_SCYLLA__NODES",
    address: "127.0.0.1:19042",
    start: || Box::pin(container::scylla()),
    found: OnceCell::const_new(),
};

/// The brokers a test may use, as `kafka.brokers` takes them.
pub async fn kafka() -> Option<String> {
    KAFKA.find(environment).await
}

/// The nodes a test may use, as `scylla.nodes` takes them.
pub async fn cql() -> Option<Vec<String>> {
    let nodes = CQL.find(environment).await?;
    Some(nodes.split(',').map(|node| node.trim().to_owned()).collect())
}

/// A set variable that is not empty.
#[expect(clippy::disallowed_methods, reason = "it is the tests that are told where the engines are, no room")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Past the harness, which shows what a test prints only where the test fails.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "engines: {line}");
}

struct Engine {
    name: &'static str,
    /// The variable that names its addresses.
    variable: &'static str,
    /// Where `make engines` starts it.
    address: &'static str,
    /// Starts it in a container, and answers with its address.
    start: fn() -> BoxFuture<'static, Result<String, StartError>>,
    found: OnceCell<Option<String>>,
}

impl Engine {
    async fn find(&self, environment: impl Fn(&str) -> Option<String>) -> Option<String> {
        let found = self.found.get_or_init(|| self.look(environment(self.variable))).await;
        if found.is_none() {
            self.miss(environment("PULSE_REQUIRE_ENGINES").as_deref());
        }
        found.clone()
    }

    /// What is named is taken unseen: where it does not answer, the tests shall say so.
    async fn look(&self, named: Option<String>) -> Option<String> {
        if let Some(address) = named {
            return Some(self.found_at(address, "the environment names it"));
        }
        match (self.start)().await {
            Ok(address) => return Some(self.found_at(address, "in a container")),
            Err(StartError::NoDaemon) => {}
            Err(error) => say(&format!("{} cannot be had in a container: {error}", self.name)),
        }
        let answers = timeout(Duration::from_secs(1), TcpStream::connect(self.address)).await;
        answers.ok()?.ok()?;
        Some(self.found_at(self.address.to_owned(), "where `make engines` starts it"))
    }

    fn found_at(&self, address: String, how: &str) -> String {
        say(&format!("{} at {address}, {how}", self.name));
        address
    }

    fn miss(&self, required: Option<&str>) {
        let remedy = format!("set {}, let a Docker daemon run, or `make engines`", self.variable);
        assert!(required != Some("1"), "{} is required and not there: {remedy}", self.name);
        let thread = std::thread::current();
        say(&format!("{} is skipped without {}: {remedy}", thread.name().unwrap_or("a test"), self.name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const VARIABLE: &str = "PULSE_SOMETHING";
    static STARTS: AtomicUsize = AtomicUsize::new(0);

    fn engine(
        address: &'static str,
        start: fn() -> BoxFuture<'static, Result<String, StartError>>,
    ) -> Engine {
        Engine { name: "an engine", variable: VARIABLE, address, start, found: OnceCell::new() }
    }

    fn no_daemon() -> BoxFuture<'static, Result<String, StartError>> {
        Box::pin(async { Err(StartError::NoDaemon) })
    }

    fn no_image() -> BoxFuture<'static, Result<String, StartError>> {
        Box::pin(async { Err(StartError::Failed("no such image".to_owned())) })
    }

    fn container() -> BoxFuture<'static, Result<String, StartError>> {
        Box::pin(async { Ok("container:1".to_owned()) })
    }

    fn counted() -> BoxFuture<'static, Result<String, StartError>> {
        STARTS.fetch_add(1, Ordering::Relaxed);
        container()
    }

    /// An address that answers for the length of a test, and one that does not.
    fn addresses() -> (TcpListener, &'static str, &'static str) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let answers = listener.local_addr().unwrap().to_string();
        let silent = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        (listener, answers.leak(), silent.leak())
    }

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[tokio::test]
    async fn what_the_environment_names_comes_before_everything() {
        let (_listener, answers, _) = addresses();
        let named = |name: &str| (name == VARIABLE).then(|| "named:1,named:2".to_owned());
        let found = engine(answers, container).find(named).await;
        assert_eq!(found.as_deref(), Some("named:1,named:2"));
    }

    #[tokio::test]
    async fn a_container_comes_before_what_make_started() {
        let (_listener, answers, _) = addresses();
        assert_eq!(engine(answers, container).find(nothing).await.as_deref(), Some("container:1"));
    }

    #[tokio::test]
    async fn what_make_started_is_used_where_no_container_can_be_had() {
        let (_listener, answers, _) = addresses();
        for start in [no_daemon, no_image] {
            assert_eq!(engine(answers, start).find(nothing).await.as_deref(), Some(answers));
        }
    }

    #[tokio::test]
    async fn nothing_is_found_where_nothing_answers() {
        let (_listener, _, silent) = addresses();
        assert_eq!(engine(silent, no_daemon).find(nothing).await, None);
    }

    #[tokio::test]
    #[should_panic(expected = "an engine is required and not there: set PULSE_SOMETHING")]
    async fn a_missing_engine_fails_where_engines_are_required() {
        let (_listener, _, silent) = addresses();
        let required = |name: &str| (name == "PULSE_REQUIRE_ENGINES").then(|| "1".to_owned());
        engine(silent, no_daemon).find(required).await;
    }

    #[tokio::test]
    async fn an_engine_is_looked_for_once() {
        let (_listener, answers, _) = addresses();
        let engine = engine(answers, counted);
        for _ in 0..3 {
            assert_eq!(engine.find(nothing).await.as_deref(), Some("container:1"));
        }
        assert_eq!(STARTS.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn each_engine_is_named_by_the_key_that_servers_read() {
        assert_eq!((KAFKA.variable, KAFKA.address), ("PULSE_KAFKA__BROKERS", "127.0.0.1:19092"));
        assert_eq!((CQL.variable, CQL.address), ("PULSE_SCYLLA__NODES", "127.0.0.1:19042"));
    }
}
