//! The server, with its allocations counted: for the row of the table that says how many a pulse takes.
//!
//! A program has one allocator, so this is one of its own. Without arguments it notes where it lies; the table starts it
//! from there like any server, and reads what it counted once it has ended.

use anyhow::Context;
use pulse::environment::Environment;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> anyhow::Result<ExitCode> {
    let environment = Environment::of_process();
    let Some(count) = environment.find("BENCH_COUNT_FILE") else {
        let note = Path::new(env!("CARGO_TARGET_TMPDIR")).join("counting-server");
        let program = std::env::current_exe()?;
        fs::write(note, program.as_os_str().as_encoded_bytes()).context("noting where this program is")?;
        return Ok(ExitCode::SUCCESS);
    };
    let exit = pulse::main();
    let counted = ALLOCATOR.stats();
    fs::write(count, (counted.allocations + counted.reallocations).to_string())
        .context("writing the count")?;
    Ok(exit)
}
