//! SKUs as they come in and go out.

use super::{Resource, offset_after};
use crate::command::Change;
use crate::resource::{Aggregation, Declared, ResourceName, Sku, Text};
use crate::state::{Resources, State};
use ::rest::{Count, Problem};
use domain::id::{SkuId, UnitId};
use domain::reject::Reject;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A SKU as it is to be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SkuBody {
    /// What it is measured in.
    pub(crate) unit: String,
    /// For people: at most 256 bytes.
    #[serde(default)]
    pub(crate) description: String,
    /// For exports: at most 256 bytes.
    #[serde(default)]
    pub(crate) service_category: String,
    /// The dimensions of pulses that usage is grouped by: at most three keys.
    #[serde(default)]
    pub(crate) dimensions: Vec<String>,
    /// How pulses become usage.
    #[serde(default)]
    pub(crate) aggregation: AggregationText,
}

/// How pulses become usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Aggregation)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AggregationText {
    /// Quantities are added up.
    #[default]
    Sum,
}

/// A SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SkuItem {
    pub(crate) id: String,
    /// What it is measured in.
    pub(crate) unit: String,
    /// For people.
    pub(crate) description: String,
    /// For exports.
    pub(crate) service_category: String,
    /// The dimensions of pulses that usage is grouped by.
    pub(crate) dimensions: Vec<String>,
    /// How pulses become usage.
    pub(crate) aggregation: AggregationText,
    /// Name it in a later read to see this or newer.
    pub(crate) catalog_offset: Count,
}

impl Resource for Sku {
    type Id = SkuId;
    type Body = SkuBody;
    type Item = SkuItem;
    const NAME: &'static str = "SKU";

    fn parse_id(text: &str) -> Result<SkuId, Reject> {
        SkuId::parse(text)
    }

    fn read(body: &SkuBody) -> Result<Self, Problem> {
        let AggregationText::Sum = body.aggregation;
        Ok(Self {
            unit: UnitId::parse(&body.unit)?,
            description: Text::parse(&body.description, "description")?,
            service_category: Text::parse(&body.service_category, "service_category")?,
            dimensions: Declared::parse(body.dimensions.iter().map(String::as_str))?,
            aggregation: Aggregation::Sum,
        })
    }

    fn show(id: &SkuId, sku: &Self, revision: u64) -> SkuItem {
        let Aggregation::Sum = sku.aggregation;
        SkuItem {
            id: id.to_string(),
            unit: sku.unit.to_string(),
            description: sku.description.to_string(),
            service_category: sku.service_category.to_string(),
            dimensions: sku.dimensions.keys().to_vec(),
            aggregation: AggregationText::Sum,
            catalog_offset: offset_after(revision),
        }
    }

    fn all(state: &State) -> &Resources<SkuId, Self> {
        state.skus()
    }

    fn put(id: SkuId, value: Self) -> Change {
        Change::PutSku(id, value)
    }

    fn name(id: SkuId) -> ResourceName {
        ResourceName::Sku(id)
    }
}
