//! The one binary `pulse`; everything it does is in the library beside it.

use std::process::ExitCode;
use tikv_jemallocator::Jemalloc;

/// Most of what the edge allocates for a pulse another thread frees, which the system's allocator does slowly; and what
/// was freed last is used first, while it is still in the processor's cache.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    pulse::main()
}
