//! What every adapter of a port must do, whichever it is: one suite for each port, for tests to run.

pub mod log;
pub mod store;

pub use log::log_suite;
pub use store::store_suite;
