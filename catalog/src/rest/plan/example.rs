//! What the description shows: one plan with every model of price, and its version.

use crate::form::PlanVersionItem;
use crate::plan::{PlanBody, PlanDocument};
use ::rest::{Count, Time};
use domain::time::Timestamp;

/// The document as somebody writes it.
pub(super) const DOCUMENT: &str = include_str!("../../plan/example.yaml");

/// The document as it is shown.
pub(super) fn body() -> PlanBody {
    PlanDocument::parse(DOCUMENT).expect("the example is a plan").into_plan().body()
}

/// Its first version.
pub(super) fn version() -> PlanVersionItem {
    let published = Timestamp::parse("2025-12-15T09:30:00Z").expect("the example is a time");
    PlanVersionItem {
        plan: "llm".to_owned(),
        version: 1,
        published_time: Time(published),
        document: body(),
        catalog_offset: Count(7),
    }
}
