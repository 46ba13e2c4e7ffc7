//! Reads over REST: usage, costs, charges, dead letters, the books.
//!
//! The one path: a handler reads its parameters strictly, notes the watermark, reads cells after it, and folds them
//! with pure functions into the items of an answer.
//!
//! Never here: a write, a rule of accounting or pricing, a rounded sum.

mod fold;
mod group;
mod range;
mod window;
