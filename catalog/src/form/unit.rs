//! Units as they come in and go out.

use super::{Resource, offset_after};
use crate::command::Change;
use crate::resource::{ResourceName, invalid, is_built_in, parse_unit_dimension};
use crate::state::{Resources, State};
use ::rest::{Count, Problem};
use domain::id::UnitId;
use domain::reject::Reject;
use domain::unit::{Unit, parse_factor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A unit as it is to be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnitBody {
    /// What it measures: `time`, `data.time`. Only units of one dimension convert.
    pub(crate) dimension: String,
    /// Base units in one of it, a positive whole number or fraction.
    pub(crate) factor: String,
}

/// A unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct UnitItem {
    pub(crate) id: String,
    /// What it measures.
    pub(crate) dimension: String,
    /// Base units in one of it.
    pub(crate) factor: String,
    /// Whether it belongs to the rules and stays as it is.
    pub(crate) built_in: bool,
    /// Name it in a later read to see this or newer.
    pub(crate) catalog_offset: Count,
}

impl Resource for Unit {
    type Id = UnitId;
    type Body = UnitBody;
    type Item = UnitItem;
    const NAME: &'static str = "unit";

    fn parse_id(text: &str) -> Result<UnitId, Reject> {
        UnitId::parse(text)
    }

    fn read(body: &UnitBody) -> Result<Self, Problem> {
        let factor = parse_factor(&body.factor).map_err(|rule| invalid("factor", rule))?;
        Ok(Self { dimension: parse_unit_dimension(&body.dimension)?, factor })
    }

    fn show(id: &UnitId, unit: &Self, revision: u64) -> UnitItem {
        UnitItem {
            id: id.to_string(),
            dimension: unit.dimension.clone(),
            factor: unit.factor.to_string(),
            built_in: is_built_in(id),
            catalog_offset: offset_after(revision),
        }
    }

    fn all(state: &State) -> &Resources<UnitId, Self> {
        state.units()
    }

    fn put(id: UnitId, value: Self) -> Change {
        Change::PutUnit(id, value)
    }

    fn name(id: UnitId) -> ResourceName {
        ResourceName::Unit(id)
    }
}
