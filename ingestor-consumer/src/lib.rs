//! The consumer: counts every pulse of the log exactly once, and keeps what cannot be counted.
//!
//! The one path: source → bounded channel → partition owner → bounded *aggregation* and *dead-letter* channels → store;
//! then the revisions are published, and only then the checkpoint moves. All rules live in [`core`], a state machine
//! without I/O; the shell around it moves data.
//!
//! Never here: a decision that follows from anything but the log. The catalogue, the clock and the configuration have
//! no say in what a record means.

pub mod alarm;
mod config;
pub mod core;
mod metrics;
mod shell;

pub use config::Config;
pub use shell::{Alarms, Ports, Spot, start};
