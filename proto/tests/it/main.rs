//! The wire contracts from outside: golden bytes, round trips, damage, and the spellings of one pulse.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod blob;
mod canon;
mod contract;
mod page;
mod published;
mod record;
mod sample;
mod spelling;
