//! The rules of a partition's owner, one by one: what it asks for, in which order, and what stops it.

mod alarms;
mod assignment;
mod bench;
mod calls;
mod letters;
