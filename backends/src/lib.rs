//! The ports of `domain` implemented: SQLite files for one process, Kafka and ScyllaDB for many, plain memory with
//! scripted faults for tests.
//!
//! The one path: a room calls a port; `embedded` gathers what waits into one transaction, commits it to disk and
//! answers; `kafka` and `scylla` answer when enough replicas have it; `memory` does what its script says. The suites in
//! `conformance` hold every adapter to the same rules.
//!
//! Never here: a decision about usage or money, a clock read, a value whose check failed.

pub mod bounds;
pub mod conformance;
pub mod embedded;
#[cfg(feature = "engines")]
pub mod engines;
pub mod kafka;
mod key;
pub mod memory;
mod metrics;
pub mod scylla;
mod topics;
mod waiting;
