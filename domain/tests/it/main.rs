//! The rules of the domain, as tables and properties: expected values are worked out by other means.

#![expect(clippy::unwrap_used, reason = "what a test cannot go on without, it may insist on")]

mod books;
mod calendars;
mod codes;
mod dimensions;
mod instants;
mod keys;
mod letters;
mod money;
mod names;
mod ports;
mod pulses;
mod quantities;
mod registry;
mod rows;
mod tables;
mod units;
