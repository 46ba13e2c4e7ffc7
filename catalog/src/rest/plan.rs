//! Price plans as they stand in bodies.

pub(super) mod list;
pub(super) mod publish;
pub(super) mod version;
pub(super) mod versions;

use super::answer::offset_after;
use crate::plan::PlanBody;
use crate::state::VersionRecord;
use ::rest::{Count, Time};
use serde::Serialize;
use utoipa::ToSchema;

/// A version of a plan; nothing in it ever changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct PlanVersionItem {
    /// The plan.
    plan: String,
    /// From 1.
    version: u32,
    /// When it was published.
    published_time: Time,
    /// What it says.
    document: PlanBody,
    /// Name it in a later read to see this or newer.
    catalog_offset: Count,
}

impl PlanVersionItem {
    fn new(record: &VersionRecord) -> Self {
        Self {
            plan: record.version.plan.id().to_string(),
            version: record.version.number,
            published_time: Time(record.published),
            document: record.version.plan.body(),
            catalog_offset: offset_after(record.revision),
        }
    }
}
