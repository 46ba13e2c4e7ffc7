//! What pulse is about: values that are valid by type, and the ports the rooms speak through.
//!
//! The one path: text from outside is parsed into a [`pulse::Pulse`] of newtypes; its [`identity`](pulse::Pulse::identity)
//! decides its [`generation::Route`]; sums of [`quantity::Quantity`] live in [`aggregate::Row`]s, which are cells of the
//! tables declared in [`table`].
//!
//! Never here: a runtime, a wire format, a database, a clock, a float.

pub mod aggregate;
pub mod calendar;
pub mod checkpoint;
pub mod code;
pub mod dead_letter;
pub mod decimal;
pub mod dimension;
pub mod generation;
pub mod hash;
pub mod id;
pub mod ledger;
pub mod money;
pub mod port;
pub mod position;
pub mod pulse;
pub mod quantity;
pub mod reject;
pub mod table;
pub mod time;
pub mod topic;
pub mod unit;
