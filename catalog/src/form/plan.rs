//! Price plans as they go out.

use super::{Shown, offset_after};
use crate::plan::PlanBody;
use crate::state::{PublishedPlan, State, VersionRecord};
use ::rest::{Count, Time};
use domain::id::PlanId;
use domain::reject::Reject;
use serde::Serialize;
use utoipa::ToSchema;

/// A plan and its newest version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PlanItem {
    pub(crate) id: String,
    /// ISO 4217, of the newest version.
    pub(crate) currency: String,
    /// The number of the version published last.
    pub(crate) newest_version: u32,
    /// Name it in a later read to see this or newer.
    pub(crate) catalog_offset: Count,
}

/// A version of a plan; nothing in it ever changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PlanVersionItem {
    /// The plan.
    pub(crate) plan: String,
    /// From 1.
    pub(crate) version: u32,
    /// When it was published.
    pub(crate) published_time: Time,
    /// What it says.
    pub(crate) document: PlanBody,
    /// Name it in a later read to see this or newer.
    pub(crate) catalog_offset: Count,
}

impl PlanVersionItem {
    /// Shows a version.
    pub(crate) fn new(record: &VersionRecord) -> Self {
        Self {
            plan: record.version.plan.id().to_string(),
            version: record.version.number,
            published_time: Time(record.published),
            document: record.version.plan.body(),
            catalog_offset: offset_after(record.revision),
        }
    }
}

impl Shown for PublishedPlan {
    type Id = PlanId;
    type Item = PlanItem;
    const NAME: &'static str = "plan";

    fn parse_id(text: &str) -> Result<PlanId, Reject> {
        PlanId::parse(text)
    }

    fn find(state: &State, id: &PlanId) -> Option<(u64, PlanItem)> {
        let plan = state.find_plan(id)?;
        Some((plan.newest().revision, item(id, plan)))
    }

    fn after(state: &State, id: Option<&PlanId>) -> impl Iterator<Item = (PlanId, PlanItem)> {
        let rest = state.plans().filter(move |(other, _)| id.is_none_or(|id| *other > id));
        rest.map(|(id, plan)| (id.clone(), item(id, plan)))
    }
}

fn item(id: &PlanId, plan: &PublishedPlan) -> PlanItem {
    let newest = plan.newest();
    PlanItem {
        id: id.to_string(),
        currency: newest.version.plan.currency().to_string(),
        newest_version: newest.version.number,
        catalog_offset: offset_after(newest.revision),
    }
}
