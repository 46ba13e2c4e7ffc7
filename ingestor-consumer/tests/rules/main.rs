//! The rules of a partition's owner, one by one: what it asks for, in which order, and what stops it.

#![expect(clippy::unwrap_used, reason = "what a test cannot go on without, it may insist on")]

mod alarms;
mod assignment;
mod bench;
mod calls;
mod hot_ids;
mod letters;
