//! Talking to a running server.

pub mod delivery;
pub mod rest;
