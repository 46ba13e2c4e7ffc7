//! The whole house, tested from outside: one binary of tests, most of them against the real `pulse` process.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod acknowledged;
mod command_line;
mod commands;
mod containers;
mod crash_matrix;
mod dead_letters;
mod demo;
mod docs;
mod doctor;
mod engines;
mod fault_proxy;
mod house;
mod import;
mod kill;
mod openapi;
mod operations;
mod others;
mod parity;
mod python_client;
mod real_usage;
mod roles;
mod server;
mod shutdown;
mod simulate;
mod tidy;
mod traces;
mod weather;
