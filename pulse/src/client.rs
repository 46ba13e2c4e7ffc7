//! Talking to a server that was found: REST for questions, streams for pulses.

pub mod catalog;
pub mod delivery;
pub mod rest;
pub mod waiting;
