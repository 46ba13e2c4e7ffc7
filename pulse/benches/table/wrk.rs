//! The load over HTTP by `wrk`, where the machine has it: it takes less of the processor than a client of ours.

use crate::closed_loop::Run;
use crate::server::scratch;
use anyhow::{Context, bail};
use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

/// What each request is, and what is told at the end.
const SCRIPT: &str = include_str!("post.lua");

/// Whether there is one.
pub fn is_there() -> bool {
    Command::new("wrk").arg("--version").output().is_ok()
}

/// Lets so many connections ask until the end.
pub fn drive(address: SocketAddr, connections: u16, duration: Duration) -> anyhow::Result<Run> {
    let directory = tempfile::tempdir_in(scratch())?;
    let script = directory.path().join("post.lua");
    fs::write(&script, SCRIPT)?;
    let (seconds, threads) = (duration.as_secs().max(1), std::thread::available_parallelism()?);
    let output = Command::new("wrk")
        .args(["--threads", &threads.to_string(), "--connections", &connections.to_string()])
        .args(["--duration", &format!("{seconds}s"), "--script"])
        .arg(&script)
        .arg(format!("http://{address}"))
        .output()
        .context("running wrk")?;
    let told = String::from_utf8_lossy(&output.stdout);
    read(&told)
        .with_context(|| format!("wrk told {told:?} and {:?}", String::from_utf8_lossy(&output.stderr)))
}

fn read(told: &str) -> anyhow::Result<Run> {
    let numbers = |name: &'static str| {
        let lines = told.lines().filter_map(move |line| line.strip_prefix(name)?.strip_prefix('\t'));
        lines.map(|number| Ok(number.trim().parse::<u64>()?))
    };
    let only = |name| numbers(name).next().with_context(|| format!("{name} is not told"))?;
    if only("failed")? != 0 {
        bail!("requests failed");
    }
    let (calls, whole) = (only("calls")?, Duration::from_micros(only("whole")?));
    let latencies: anyhow::Result<Vec<Duration>> =
        numbers("percent").map(|micros| micros.map(Duration::from_micros)).collect();
    Ok(Run { calls, rate: crate::streams::rate(calls, whole), latencies: latencies?.into() })
}
