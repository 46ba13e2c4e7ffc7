//! SKUs as they stand in bodies.

pub(super) mod delete;
pub(super) mod get;
pub(super) mod list;
pub(super) mod put;

use super::answer::offset_after;
use crate::resource::{Aggregation, Declared, Sku, Text};
use ::rest::Count;
use domain::id::{SkuId, UnitId};
use domain::reject::Reject;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A SKU as it is to be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SkuBody {
    /// What it is measured in.
    unit: String,
    /// For people: at most 256 bytes.
    #[serde(default)]
    description: String,
    /// For exports: at most 256 bytes.
    #[serde(default)]
    service_category: String,
    /// The dimensions of pulses that usage is grouped by: at most three keys.
    #[serde(default)]
    dimensions: Vec<String>,
    /// How pulses become usage.
    #[serde(default)]
    aggregation: AggregationText,
}

/// How pulses become usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Aggregation)]
#[serde(rename_all = "snake_case")]
pub(super) enum AggregationText {
    /// Quantities are added up.
    #[default]
    Sum,
}

/// A SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct SkuItem {
    id: String,
    /// What it is measured in.
    unit: String,
    /// For people.
    description: String,
    /// For exports.
    service_category: String,
    /// The dimensions of pulses that usage is grouped by.
    dimensions: Vec<String>,
    /// How pulses become usage.
    aggregation: AggregationText,
    /// Name it in a later read to see this or newer.
    catalog_offset: Count,
}

impl SkuBody {
    fn parse(&self) -> Result<Sku, Reject> {
        let AggregationText::Sum = self.aggregation;
        Ok(Sku {
            unit: UnitId::parse(&self.unit)?,
            description: Text::parse(&self.description, "description")?,
            service_category: Text::parse(&self.service_category, "service_category")?,
            dimensions: Declared::parse(self.dimensions.iter().map(String::as_str))?,
            aggregation: Aggregation::Sum,
        })
    }
}

impl SkuItem {
    fn new(id: &SkuId, sku: &Sku, revision: u64) -> Self {
        let Aggregation::Sum = sku.aggregation;
        Self {
            id: id.to_string(),
            unit: sku.unit.to_string(),
            description: sku.description.to_string(),
            service_category: sku.service_category.to_string(),
            dimensions: sku.dimensions.keys().to_vec(),
            aggregation: AggregationText::Sum,
            catalog_offset: offset_after(revision),
        }
    }
}
