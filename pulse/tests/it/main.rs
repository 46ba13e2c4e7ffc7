//! The whole house, tested from outside: one binary of tests.

mod tidy;
