//! A real server process on a directory and ports of its own, and the command line pointed at it.

use pulse::ready_file::Ready;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

/// The binary under test, with no setting of this machine's.
pub fn pulse() -> Command {
    clean(Command::new(env!("CARGO_BIN_EXE_pulse")))
}

/// A command with no setting of this machine's.
pub fn clean(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PULSE_")) {
        command.env_remove(name);
    }
    command
}

/// A path in the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}

/// Calls until it gives something.
pub fn eventually<T>(what: &str, find: impl FnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, what, find)
}

/// The same, with a patience of its own.
pub fn eventually_within<T>(patience: Duration, what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(started.elapsed() < patience, "{what} did not come within {patience:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What a path of a server answers: status and body.
pub fn get(http: SocketAddr, path: &str) -> (u16, String) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let response = reqwest::get(format!("http://{http}{path}")).await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    })
}

/// A data directory that outlives its servers.
pub struct Home {
    directory: TempDir,
}

impl Home {
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A server on this directory, ready.
    pub fn start(&self) -> Server {
        self.start_with(|command| command)
    }

    /// A server on this directory with more settings, ready.
    pub fn start_with(&self, settings: impl FnOnce(&mut Command) -> &mut Command) -> Server {
        self.find_start_with(settings).expect("the server ended before it was ready")
    }

    /// The same; `None` where it ended before it was ready.
    pub fn find_start_with(&self, settings: impl FnOnce(&mut Command) -> &mut Command) -> Option<Server> {
        let mut command = pulse();
        command.arg("up").arg("--data-dir").arg(self.data_dir()).stdout(Stdio::null());
        command.env("PULSE_LISTEN_HTTP", "127.0.0.1:0").env("PULSE_LISTEN_GRPC", "127.0.0.1:0");
        command.env("PULSE_LOG_FILTER", "warn");
        let process = Process::spawn(settings(&mut command));
        Server::find_ready(process, &self.data_dir().join("ready.json"))
    }
}

/// A process that is killed when this goes.
pub struct Process(Child);

impl Process {
    pub fn spawn(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Sends a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([format!("-{name}"), self.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Whether it is still there.
    pub fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    pub fn exit_code(&mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server that is ready.
pub struct Server {
    process: Process,
    pub ready: Ready,
}

impl Server {
    /// Waits for the process to say that it is ready; `None` where it ended before.
    pub fn find_ready(mut process: Process, file: &Path) -> Option<Self> {
        let ready = eventually("a ready server", || {
            let ended = !process.is_running();
            let ready = Ready::find(file).unwrap().filter(|ready| ready.pid == process.id());
            if ended { Some(None) } else { ready.map(Some) }
        })?;
        Some(Self { process, ready })
    }

    /// The command line, pointed at this server.
    pub fn command(&self) -> Command {
        self.command_of(pulse())
    }

    /// A command whose `pulse` finds this server.
    pub fn command_of(&self, mut command: Command) -> Command {
        command.env("PULSE_HTTP", self.ready.http.to_string()).env("PULSE_GRPC", self.ready.grpc.to_string());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// Runs a command that must end with that code, and reads what it prints as JSON.
    pub fn json(&self, code: i32, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--output", "json"]].concat());
        let talk = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {talk}");
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {talk}"))
    }

    /// The catalogue of the examples, applied.
    pub fn with_catalog(self) -> Self {
        self.json(0, &["catalog", "apply", repository("examples/catalog.yaml").to_str().unwrap()]);
        self
    }

    /// Waits until everything acknowledged before this call is counted.
    pub fn settle(&self) {
        let books = || self.json(0, &["reconcile"]);
        eventually("books without anything in flight", || (books()["in_flight"] == "0").then_some(()));
    }

    /// What a path answers: status and body.
    pub fn get(&self, path: &str) -> (u16, String) {
        get(self.ready.http, path)
    }

    /// Sends a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Whether its process is still there.
    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// Waits for its end.
    pub fn exit_code(mut self) -> Option<i32> {
        self.process.exit_code()
    }
}
