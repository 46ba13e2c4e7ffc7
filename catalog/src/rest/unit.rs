//! Units as they stand in bodies.

pub(super) mod delete;
pub(super) mod get;
pub(super) mod list;
pub(super) mod put;

use super::answer::offset_after;
use crate::resource::{invalid, parse_unit_dimension};
use ::rest::Count;
use domain::id::UnitId;
use domain::reject::Reject;
use domain::unit::{Unit, parse_factor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A unit as it is to be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UnitBody {
    /// What it measures: `time`, `data.time`. Only units of one dimension convert.
    dimension: String,
    /// Base units in one of it, a positive whole number or fraction.
    factor: String,
}

/// A unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct UnitItem {
    id: String,
    /// What it measures.
    dimension: String,
    /// Base units in one of it.
    factor: String,
    /// Name it in a later read to see this or newer.
    catalog_offset: Count,
}

impl UnitBody {
    fn parse(&self) -> Result<Unit, Reject> {
        let factor = parse_factor(&self.factor).map_err(|rule| invalid("factor", rule))?;
        Ok(Unit { dimension: parse_unit_dimension(&self.dimension)?, factor })
    }
}

impl UnitItem {
    fn new(id: &UnitId, unit: &Unit, revision: u64) -> Self {
        Self {
            id: id.to_string(),
            dimension: unit.dimension.clone(),
            factor: unit.factor.to_string(),
            catalog_offset: offset_after(revision),
        }
    }
}
