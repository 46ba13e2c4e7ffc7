//! A panic is a bug met in the middle of something: it is logged with the trace it happened in, and the process ends.
//! What was acknowledged is durable, and the next start goes on from there.

use crate::exit::Exit;
use std::panic::{self, PanicHookInfo};
use std::process;

/// From here on a panic of any thread ends the process, also one that somebody would catch; but not a client library's
/// at bytes that others wrote, which is read as what it is.
pub fn end_process_on_panic() {
    panic::set_hook(Box::new(|panic| {
        if backends::kafka::catches_panics() {
            return;
        }
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(location, cause = cause(panic), "a panic ends the process");
        process::exit(Exit::Failed as i32);
    }));
}

fn cause<'a>(panic: &'a PanicHookInfo<'_>) -> &'a str {
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without words")
}
