//! What the kernel says of a process.

use anyhow::Context;
use std::fs;
use std::time::Duration;

/// Kernels count processor time in hundredths of a second for everyone.
const TICK: Duration = Duration::from_millis(10);

/// The processor time of all of a process's threads, its own and the kernel's for it.
pub fn processor_time(pid: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("reading a process's times")?;
    let (_, fields) = stat.rsplit_once(") ").context("the name of a process ends")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    // utime and stime are the fields 14 and 15 of the whole line; the rest begins with field 3.
    let ticks: u32 = fields[11].parse::<u32>()? + fields[12].parse::<u32>()?;
    Ok(TICK * ticks)
}

/// Bytes of memory it holds now.
pub fn resident_bytes(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("reading a process's memory")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes: u64 =
        line.and_then(|line| line.split_whitespace().next()).context("VmRSS is there")?.parse()?;
    Ok(kilobytes * 1024)
}

/// Bytes it had written to disk.
pub fn written_bytes(pid: u32) -> anyhow::Result<u64> {
    let io = fs::read_to_string(format!("/proc/{pid}/io")).context("reading a process's input and output")?;
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.context("write_bytes is there")?.parse().context("write_bytes is a number")
}
