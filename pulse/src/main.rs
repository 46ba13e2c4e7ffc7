//! The one binary `pulse`; everything it does is in the library beside it.

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// Most of what the edge allocates for a pulse another thread frees, which the system's allocator does slowly.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    pulse::main()
}
