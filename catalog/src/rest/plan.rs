//! `/v1/plans`

mod example;
pub(super) mod get;
pub(super) mod list;
pub(super) mod publish;
pub(super) mod version;
pub(super) mod versions;
