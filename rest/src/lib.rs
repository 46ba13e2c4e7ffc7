//! What every HTTP door shares: problem documents, strict reading of requests, paging, conditional requests.
//!
//! The one path: [`door::close`] wraps a room's router; a handler reads its request with [`Body`], [`Params`] and
//! [`Id`], and answers its [`Client`] or returns a [`Problem`], which the door completes with instance and trace id.
//!
//! Never here: a resource, a store, a log, anything that only one room needs.

mod accept;
mod body;
mod client;
pub mod door;
pub mod etag;
pub mod idempotency;
mod metrics;
pub mod page;
mod params;
mod path;
pub mod problem;
mod table;
#[cfg(test)]
mod testing;
pub mod text;

pub use body::Body;
pub use client::Client;
pub use idempotency::IdempotencyKey;
pub use params::{NoParams, Params};
pub use path::Id;
pub use problem::{FieldError, Problem};
pub use text::{Count, Decimal, Time};
