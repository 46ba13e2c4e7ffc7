//! Talking to a server that was found: REST for questions, streams for pulses.

pub mod catalog;
pub mod channel;
pub mod delivery;
pub mod events;
pub mod layout;
pub mod rest;
pub mod waiting;
