//! Rows of a file as pulses: read once for hash and newest time, then once more to be sent.

pub mod batches;
pub mod frontier;
pub mod mapping;
pub mod rejected;
pub mod report;
pub mod resume;
pub mod rows;
pub mod source;
pub mod survey;
pub mod time;
