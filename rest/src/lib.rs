//! What every HTTP door shares: problem documents, strict reading of requests, paging, conditional requests.
//!
//! The one path: [`door::close`] wraps a room's router; a handler reads its request with [`Body`], [`Params`] and
//! [`Id`], and answers JSON or a [`Problem`], which the door completes with instance and trace id.
//!
//! Never here: a resource, a store, a log, anything that only one room needs.

mod body;
pub mod door;
pub mod etag;
pub mod idempotency;
pub mod page;
mod params;
mod path;
pub mod problem;
pub mod text;

pub use body::Body;
pub use idempotency::IdempotencyKey;
pub use params::Params;
pub use path::Id;
pub use problem::{FieldError, Problem};
pub use text::{Count, Decimal, Time};
