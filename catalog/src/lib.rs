//! The catalogue: units, SKUs, tenants, price plans and contracts as the fold of one log; rating; the pricing worker.
//!
//! The one path: a [`command::Command`] is appended to the topic `catalog`; the [`fold`] decides at its offset whether
//! it holds, in every process the same; a [`view::View`] follows the log and answers from memory: admission, the
//! registry, the [`rest`] resources, and what rating needs.
//!
//! Never here: a lock or a read-modify-write of stored state, a clock inside the fold, a price that is not exact.

mod admission;
pub mod billing;
pub mod bootstrap;
pub mod catalog;
pub mod charge;
pub mod command;
pub mod fold;
pub mod lint;
pub mod plan;
pub mod rating;
pub mod resource;
pub mod state;
pub mod usage;
pub mod view;
