//! What one pulse costs: bytes and syncs of the disk, instructions of the processor. All are counted, none is timed.

use crate::Settings;
use crate::process::written_bytes;
use crate::pulses::{Pulses, TENANTS, catalog};
use crate::server::{Home, Server, scratch, settle};
use crate::streams::{Load, drive, write};
use crate::table::{Row, grouped};
use anyhow::Context;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Pulses in a run whose allocations are counted.
const COUNTED_PULSES: usize = 200_000;
/// Pulses in a run under the emulator, which is fifty times slower.
const EMULATED_PULSES: usize = 50_000;

/// The rows.
pub fn rows(settings: &Settings) -> anyhow::Result<Vec<Row>> {
    let duration = Duration::from_secs(settings.seconds);
    Ok(vec![
        Row::stated("cost per pulse: bytes written", bytes(duration)?, ""),
        Row::stated("cost per pulse: syncs", syncs(duration)?, ""),
        Row::stated("cost per pulse: allocations", allocations()?, ""),
        Row::stated("cost per pulse: instructions", instructions()?, ""),
    ])
}

/// Written by log and store together, write-ahead logs included.
fn bytes(duration: Duration) -> anyhow::Result<String> {
    let home = Home::new()?;
    let server = home.start()?;
    server.apply(&catalog(TENANTS))?;
    let before = written_bytes(server.pid())?;
    let run = drive(&server.grpc(), Load::full(duration))?;
    settle(&server)?;
    let written = written_bytes(server.pid())? - before;
    Ok(format!("{} bytes", written / run.pulses.max(1)))
}

fn syncs(duration: Duration) -> anyhow::Result<String> {
    if !is_there("strace") {
        return Ok("not counted: there is no strace here".to_owned());
    }
    let home = Home::new()?;
    let counts = home.path().join("syncs");
    let output = counts.display().to_string();
    let tracer =
        ["strace", "-f", "--seccomp-bpf", "-c", "-U", "calls,name", "-e", "trace=fsync,fdatasync", "-o"];
    let server = home.start_with(home.up_under(&[&tracer[..], &[&output]].concat()))?;
    server.apply(&catalog(TENANTS))?;
    let run = drive(&server.grpc(), Load::full(duration))?;
    server.stop()?;
    let table = fs::read_to_string(&counts)?;
    let lines = table.lines().filter(|line| line.contains("sync"));
    let calls: u64 = lines.filter_map(|line| line.split_whitespace().next()?.parse::<u64>().ok()).sum();
    Ok(format!("1 for {} pulses", grouped(run.pulses / calls.max(1))))
}

/// The difference between a run with pulses and one without.
fn allocations() -> anyhow::Result<String> {
    let Ok(counting) = fs::read_to_string(scratch().join("counting-server")) else {
        return Ok("not counted: `cargo bench -p pulse --bench counting` was not run before".to_owned());
    };
    let with = allocated(Path::new(&counting), COUNTED_PULSES)?;
    let without = allocated(Path::new(&counting), 0)?;
    let tenths = with.saturating_sub(without) * 10 / COUNTED_PULSES as u64;
    Ok(format!("{}.{}", tenths / 10, tenths % 10))
}

fn allocated(counting: &Path, pulses: usize) -> anyhow::Result<u64> {
    let home = Home::new()?;
    let count = home.path().join("allocations");
    let mut command = home.up_of(counting);
    command.env("BENCH_COUNT_FILE", &count);
    run(home.start_with(command)?, pulses)?;
    fs::read_to_string(count)?.parse().context("a count is a number")
}

/// Sends so many pulses, waits until they are counted, and lets the server end.
fn run(server: Server, pulses: usize) -> anyhow::Result<()> {
    server.apply(&catalog(TENANTS))?;
    write(&server.grpc(), Pulses::new(0, TENANTS).batch(pulses))?;
    settle(&server)?;
    server.stop()
}

/// The difference between a run with pulses and one without.
fn instructions() -> anyhow::Result<String> {
    if !is_there("valgrind") {
        return Ok("not counted: there is no valgrind here".to_owned());
    }
    let with = emulated(EMULATED_PULSES)?;
    let without = emulated(0)?;
    Ok(grouped(with.saturating_sub(without) / EMULATED_PULSES as u64))
}

fn emulated(pulses: usize) -> anyhow::Result<u64> {
    let home = Home::new()?;
    let log = home.path().join("emulator");
    let to = format!("--log-file={}", log.display());
    let emulator = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", &to];
    run(home.start_with(home.up_under(&emulator))?, pulses)?;
    collected(&log)
}

fn collected(log: &Path) -> anyhow::Result<u64> {
    let text = fs::read_to_string(log)?;
    let count = text.lines().find_map(|line| line.split_once("Collected : "));
    count.context("the emulator tells what it collected")?.1.trim().parse().context("it is a number")
}

fn is_there(tool: &str) -> bool {
    let mut command = Command::new(tool);
    command.arg("--version").current_dir(scratch()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
