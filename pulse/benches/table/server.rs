//! A server in a process of its own: the real one on a data directory, or one that stands beside it.

use crate::http::Connection;
use anyhow::{Context, bail};
use pulse::ready_file::Ready;
use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);
/// What was taken in minutes of full load may take as long again to be counted.
const SETTLE_PATIENCE: Duration = Duration::from_secs(600);
const LOOK_AGAIN: Duration = Duration::from_millis(1);
const SETTLE_LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Where data directories are made: on the disk that holds the build.
pub fn scratch() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// A data directory that outlives its servers.
pub struct Home(TempDir);

impl Home {
    /// An empty one.
    pub fn new() -> anyhow::Result<Self> {
        tempfile::tempdir_in(scratch()).map(Self).context("making a data directory")
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    fn data_dir(&self) -> PathBuf {
        self.path().join("data")
    }

    /// A file of the data directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.data_dir().join(name)
    }

    /// The command that starts a server here under another program, such as a tracer.
    pub fn up_under(&self, program: &[&str]) -> Command {
        self.up(program.iter().map(OsString::from).chain([binary()]))
    }

    /// The command that starts another build of the server here.
    pub fn up_of(&self, binary: &Path) -> Command {
        self.up([binary.into()])
    }

    fn up(&self, words: impl IntoIterator<Item = OsString>) -> Command {
        let mut words = words.into_iter();
        let mut command = clean(Command::new(words.next().expect("a binary has a name")));
        command.args(words).arg("up").arg("--data-dir").arg(self.data_dir());
        command
    }

    /// A server that is ready.
    pub fn start(&self) -> anyhow::Result<Server> {
        self.start_with(self.up_under(&[]))
    }

    /// What such a command starts, ready.
    pub fn start_with(&self, mut command: Command) -> anyhow::Result<Server> {
        let ready_file = self.path().join("announced.json");
        command.stdout(Stdio::null()).env("PULSE_LOG_FILTER", "warn").env("PULSE_READY_FILE", &ready_file);
        command.env("PULSE_LISTEN_HTTP", "127.0.0.1:0").env("PULSE_LISTEN_GRPC", "127.0.0.1:0");
        let _ = fs::remove_file(&ready_file);
        let mut child = command.spawn().context("starting the server")?;
        let ready = wait("a ready server", || {
            if let Some(status) = child.try_wait()? {
                bail!("the server ended before it was ready: {status}");
            }
            Ready::find(&ready_file)
        })?;
        Ok(Server { child, ready })
    }
}

/// A command of ours.
pub fn pulse() -> Command {
    clean(Command::new(binary()))
}

/// The binary of this build, or the one that `BENCH_PULSE` names: to compare two builds.
fn binary() -> OsString {
    std::env::var_os("BENCH_PULSE").unwrap_or_else(|| env!("CARGO_BIN_EXE_pulse").into())
}

/// With no setting of this machine's.
fn clean(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PULSE_")) {
        command.env_remove(name);
    }
    command
}

/// Calls until it gives something.
pub fn wait<T>(what: &str, find: impl FnMut() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    wait_for(PATIENCE, what, find)
}

fn wait_for<T>(
    patience: Duration,
    what: &str,
    mut find: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let started = Instant::now();
    loop {
        if let Some(found) = find()? {
            return Ok(found);
        }
        if started.elapsed() > patience {
            bail!("{what} did not come within {patience:?}");
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// Waits until everything acknowledged before this call is counted.
pub fn settle(server: &Server) -> anyhow::Result<()> {
    let settled = || {
        std::thread::sleep(SETTLE_LOOK_AGAIN);
        Ok((server.pipeline()?["lag_records"] == "0").then_some(()))
    };
    wait_for(SETTLE_PATIENCE, "a log that is counted to its end", settled)
}

/// A server that is ready; it is killed when this goes.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub ready: Ready,
}

impl Server {
    /// Where gRPC is served.
    pub fn grpc(&self) -> String {
        format!("http://{}", self.ready.grpc)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.ready.pid
    }

    /// Applies catalogue documents.
    pub fn apply(&self, documents: &str) -> anyhow::Result<()> {
        let mut file = tempfile::NamedTempFile::with_suffix_in(".yaml", scratch())?;
        std::io::Write::write_all(&mut file, documents.as_bytes())?;
        let path = file.path().display().to_string();
        self.run(&["catalog", "apply", &path]).map(drop)
    }

    /// How far counting is, and the books up to there: from the checkpoints, whatever there is to count again.
    pub fn pipeline(&self) -> anyhow::Result<Value> {
        tokio::runtime::Runtime::new()?.block_on(async {
            let mut connection = Connection::open(self.ready.http).await?;
            serde_json::from_str(connection.read("/v1/pipeline").await?)
                .context("reading how far counting is")
        })
    }

    /// The sum of the series of a metric whose lines begin so.
    pub fn metric(&self, series: &str) -> anyhow::Result<u64> {
        tokio::runtime::Runtime::new()?.block_on(async {
            let mut connection = Connection::open(self.ready.http).await?;
            let text = connection.read("/metrics").await?;
            let lines = text.lines().filter(|line| line.starts_with(series));
            lines
                .map(|line| {
                    line.rsplit(' ').next().context("a line has a value")?.parse::<u64>().map_err(Into::into)
                })
                .sum()
        })
    }

    fn run(&self, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
        let mut command = pulse();
        command.env("PULSE_HTTP", self.ready.http.to_string()).env("PULSE_GRPC", self.ready.grpc.to_string());
        let output = command.args(arguments).output().context("running a command")?;
        if !output.status.success() {
            bail!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(output.stdout)
    }

    /// Lets it drain, and waits for its end.
    pub fn stop(mut self) -> anyhow::Result<()> {
        Command::new("kill").arg(self.pid().to_string()).status().context("asking the server to end")?;
        self.child.wait().map(drop).context("waiting for the end of the server")
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop).context("waiting for the end of the server")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
