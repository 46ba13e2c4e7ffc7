//! The machine, as far as its numbers depend on it.

use crate::server::scratch;
use std::fs;
use std::process::Command;

/// Processor, cores, memory, kernel and disk, one to a line.
pub fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let lines = [
        format!("- processor: {}, {cores} cores", find("/proc/cpuinfo", "model name")),
        format!("- memory: {}", find("/proc/meminfo", "MemTotal")),
        format!("- kernel: {}", run("uname", &["-sr"])),
        format!("- disk: {}", disk()),
    ];
    lines.join("\n")
}

fn find(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
    line.map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
}

fn disk() -> String {
    let path = scratch().display().to_string();
    let listed = run("df", &["--output=source,fstype", &path]);
    listed
        .lines()
        .last()
        .map_or_else(String::new, |line| line.split_whitespace().collect::<Vec<_>>().join(", "))
}

fn run(command: &str, arguments: &[&str]) -> String {
    let output = Command::new(command).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
