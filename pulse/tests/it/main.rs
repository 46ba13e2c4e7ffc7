//! The whole house, tested from outside: one binary of tests, most of them against the real `pulse` process.

mod command_line;
mod dead_letters;
mod import;
mod kill;
mod openapi;
mod real_usage;
mod server;
mod shutdown;
mod tidy;
