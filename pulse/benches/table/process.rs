//! What the kernel says of a process.

use crate::table::Row;
use anyhow::{Context, bail};
use std::fs;
use std::time::Duration;

/// Kernels count processor time in hundredths of a second for everyone.
const TICK_MILLIS: u64 = 10;

/// The processor time of all of a process's threads, its own and the kernel's for it.
pub fn processor_time(pid: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("reading a process's times")?;
    let (_, fields) = stat.rsplit_once(") ").context("the name of a process ends")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    // utime and stime are the fields 14 and 15 of the whole line; the rest begins with field 3.
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(Duration::from_millis(TICK_MILLIS * ticks))
}

/// The time that all processors of the machine were busy with anything.
pub fn machine_time() -> anyhow::Result<Duration> {
    let stat = fs::read_to_string("/proc/stat").context("reading the machine's times")?;
    let fields = stat.lines().next().context("the first line is of all processors")?.split_whitespace();
    let ticks: Vec<u64> = fields.skip(1).map(str::parse).collect::<Result<_, _>>()?;
    let [user, nice, system, _idle, _waiting, interrupts, soft_interrupts, ..] = ticks[..] else {
        bail!("the kernel tells fewer times than it did since 2.6")
    };
    Ok(Duration::from_millis(TICK_MILLIS * (user + nice + system + interrupts + soft_interrupts)))
}

/// Nanoseconds that each of so many took of a process's time since `before`.
pub fn processor_nanos(pid: u32, before: Duration, count: u64) -> anyhow::Result<u64> {
    let nanos = processor_time(pid)?.saturating_sub(before).as_nanos() / u128::from(count.max(1));
    u64::try_from(nanos).context("a share of the time is less than 500 years")
}

/// The row of what each of so many things took of a server's time since `before`.
pub fn processor_row((thing, count): (&str, u64), pid: u32, before: Duration) -> anyhow::Result<Row> {
    let nanos = processor_nanos(pid, before, count)?;
    Ok(Row::stated(format!("cost per {thing}: processor time of the server"), format!("{nanos} ns"), ""))
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
