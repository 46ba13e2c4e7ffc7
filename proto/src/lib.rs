//! Wire contracts: what travels between processes and what lies in logs and cells, as bytes that stay readable.
//!
//! The one path: the `.proto` files are compiled by `build.rs` into [`v1`], [`log`] and [`usage`]; the other modules
//! turn those messages into domain values and back. Pulses come in by [`pulse`], [`json`] or [`csv`], lie in the log
//! as a [`record`], come out of it as views, and what is counted goes into cells by [`blob`].
//!
//! Never here: I/O, a clock, a rule about amounts. No input panics, and no damaged input passes for a value.

pub mod blob;
pub mod checksum;
pub mod codec;
pub mod csv;
mod field;
mod generated;
pub mod header;
pub mod instant;
pub mod json;
pub mod page;
pub mod part;
pub mod published;
pub mod pulse;
pub mod record;
pub mod snapshot;

pub use generated::pulse::log::v1 as log;
pub use generated::pulse::v1;
pub use generated::usage;

/// All messages and services described, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
