//! Simulated load: pulses that follow from a seed, sent when they are due, and the bill that must come of them.
//!
//! Nothing here shares code with the consumer or with rating: sums are plain integers, and prices are applied by the
//! words of the price plan.

pub mod bill;
pub mod load;
pub mod price;
pub mod rates;
pub mod schedule;
pub mod tally;
pub mod workload;
