//! Engines of the tests' own, which may be killed: one instance for the process, and a fault proxy before each of them.

use super::super::fault_proxy::FaultProxy;
use super::super::house::House;
use super::super::server::repository;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Who asks first starts it; it goes with the process.
static INSTANCE: Mutex<Option<Instance>> = Mutex::new(None);

/// A broker and a CQL server, each behind a proxy whose address is the only one that clients are told.
pub struct Instance {
    data: PathBuf,
    /// Before the broker.
    pub log: FaultProxy,
    /// Before the CQL server.
    pub store: FaultProxy,
    /// Waits for the end of this process, however that comes, and takes the instance away.
    _remover: Child,
}

/// The instance, for one test at a time.
pub struct Lease(MutexGuard<'static, Option<Instance>>);

impl std::ops::Deref for Lease {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        self.0.as_ref().expect("it is started before it is lent")
    }
}

/// Lends the instance, whole; `None` where it cannot be had, which is printed.
pub fn lease() -> Option<Lease> {
    let mut instance = INSTANCE.lock().unwrap_or_else(PoisonError::into_inner);
    if instance.is_none() {
        *instance = Instance::find();
    }
    let lease = Lease(instance);
    lease.0.as_ref()?.mend();
    Some(lease)
}

impl Instance {
    /// Starts it, where there is what it needs.
    fn find() -> Option<Self> {
        let data = tempfile::Builder::new().prefix("engines").tempdir().unwrap().keep();
        let script = repository("deploy/engines/run");
        let end = format!("'{}' kill >/dev/null 2>&1; rm -rf '{}'", script.display(), data.display());
        let end = format!("ENGINES_DATA='{}' {end}", data.display());
        let remover = backends::engines::at_the_end(&["sh", "-c", &end]).unwrap();
        let [log, store] = [1, 2].map(FaultProxy::start);
        let instance = Self { data, log, store, _remover: remover };
        let required = std::env::var_os("PULSE_REQUIRE_ENGINES").is_some_and(|value| value == "1");
        let mut install = instance.run(&["install"]);
        if !required {
            install.env("ENGINES_OFFLINE", "1");
        }
        let installed = install.output().unwrap();
        let said = String::from_utf8_lossy(&installed.stderr);
        assert!(installed.status.success() || !required, "engines are required and cannot be had: {said}");
        if !installed.status.success() {
            let thread = std::thread::current();
            let name = thread.name().unwrap_or("a test");
            eprintln!("{name} is skipped without engines of its own; `make engines` fetches them: {said}");
            return None;
        }
        instance.succeed(&["up"]);
        instance.log.lead_to(instance.port("kafka"));
        instance.store.lead_to(instance.port("cassandra"));
        Some(instance)
    }

    /// Whatever the last one left: everything serves, and answers are let through.
    fn mend(&self) {
        self.log.set_rate(0);
        self.store.set_rate(0);
        self.succeed(&["resume"]);
        self.succeed(&["up"]);
    }

    /// A house of its own on them.
    pub fn house(&self) -> House {
        House::on(self.log.address.to_string(), vec![self.store.address.to_string()])
    }

    /// Begins to start an engine.
    pub fn begin(&self, engine: &str) -> Child {
        self.run(&["up", engine]).stdout(Stdio::null()).spawn().unwrap()
    }

    /// Does something to an engine, such as `kill`, and waits until it is done.
    pub fn succeed(&self, arguments: &[&str]) {
        let output = self.run(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn run(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(repository("deploy/engines/run"));
        command.args(arguments).env("ENGINES_DATA", &self.data).env("ENGINES_HEAP", "512m");
        command.env("ENGINES_WAIT_SECONDS", "300");
        command.env("KAFKA_PORT", "0").env("CQL_PORT", "0").env("KAFKA_SETTINGS", self.kafka_settings());
        command
    }

    /// Clients are sent to the proxy, and a killed consumer is replaced after three seconds.
    fn kafka_settings(&self) -> String {
        let seconds = ["session.timeout.ms=3000", "heartbeat.interval.ms=500"];
        let group = seconds.map(|rule| format!("group.consumer.{rule}\ngroup.consumer.min.{rule}"));
        format!("advertised.listeners=PLAINTEXT://{}\n{}", self.log.address, group.join("\n"))
    }

    fn port(&self, engine: &str) -> SocketAddr {
        let port = fs::read_to_string(self.data.join(engine).join("port")).unwrap();
        SocketAddr::from(([127, 0, 0, 1], port.trim().parse().unwrap()))
    }
}
