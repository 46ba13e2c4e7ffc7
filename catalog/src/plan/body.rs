//! A plan as a document again: the canonical content that the catalogue compares and REST shows.

use super::Plan;
use super::price::{Model, PriceDef};
use super::tier::{Tier, Tiers};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A price plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlanBody {
    /// Its name.
    pub plan: String,
    /// ISO 4217.
    pub currency: String,
    /// From when on it holds, on a quarter of an hour.
    pub effective_time: String,
    /// Ordered by id.
    pub prices: Vec<PriceBody>,
}

/// One price of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PriceBody {
    /// Its name within the plan.
    pub id: String,
    /// The usage it is for.
    pub sku: String,
    /// The unit that quantities are counted in.
    pub unit: String,
    /// How many units a price is for.
    #[schema(format = "decimal")]
    pub per: String,
    /// `per_unit`, `graduated`, `volume` or `package`.
    pub model: &'static str,
    /// The dimensions usage must have.
    #[serde(rename = "match", skip_serializing_if = "BTreeMap::is_empty")]
    pub dimensions: BTreeMap<String, String>,
    /// What comes off first, in units.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "decimal")]
    pub free: Option<String>,
    /// The least that is paid for a month.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "decimal")]
    pub minimum: Option<String>,
    /// What one `per` costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "decimal")]
    pub price: Option<String>,
    /// From the lowest to the open-ended one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiers: Option<Vec<TierBody>>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// One tier of a price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TierBody {
    /// The last quantity within it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "decimal")]
    pub up_to: Option<String>,
    /// What one `per` costs in it.
    #[schema(format = "decimal")]
    pub price: String,
}

impl From<&Plan> for PlanBody {
    fn from(plan: &Plan) -> Self {
        Self {
            plan: plan.id().to_string(),
            currency: plan.currency().to_string(),
            effective_time: plan.effective_time().to_string(),
            prices: plan.prices().iter().map(PriceBody::from).collect(),
        }
    }
}

impl From<&PriceDef> for PriceBody {
    fn from(price: &PriceDef) -> Self {
        let (single, tiers) = match &price.model {
            Model::PerUnit(single) | Model::Package(single) => (Some(single.to_string()), None),
            Model::Graduated(tiers) | Model::Volume(tiers) => (None, Some(tier_bodies(tiers))),
        };
        Self {
            id: price.id.to_string(),
            sku: price.sku.to_string(),
            unit: price.unit.to_string(),
            per: price.per.to_string(),
            model: price.model.name(),
            dimensions: price.dimensions.clone(),
            free: price.free.map(|free| free.to_string()),
            minimum: price.minimum.map(|minimum| minimum.to_string()),
            price: single,
            tiers,
            description: price.description.clone(),
        }
    }
}

fn tier_bodies(tiers: &Tiers) -> Vec<TierBody> {
    let body = |tier: &Tier| TierBody {
        up_to: tier.up_to.map(|bound| bound.to_string()),
        price: tier.price.to_string(),
    };
    tiers.as_slice().iter().map(body).collect()
}

#[cfg(test)]
mod tests {
    use crate::plan::PlanDocument;

    #[test]
    fn a_body_leaves_out_what_says_nothing_and_keeps_what_does() {
        let plan = PlanDocument::parse(include_str!("example.yaml")).unwrap().into_plan();
        let body = serde_json::to_value(plan.body()).unwrap();
        let expected = serde_json::json!([
            {"id": "calls", "sku": "api.calls", "unit": "api_call", "per": "1000", "model": "package", "price": "2"},
            {"id": "input", "sku": "llm.input", "unit": "token", "per": "1000000", "model": "graduated",
             "tiers": [{"up_to": "10000000", "price": "3"}, {"price": "2.5"}]},
            {"id": "input-eu", "sku": "llm.input", "unit": "token", "per": "1000000", "model": "per_unit",
             "match": {"region": "eu-1"}, "price": "3.3", "description": "Input tokens served from Europe"},
            {"id": "storage", "sku": "disk", "unit": "GB", "per": "1", "model": "volume", "free": "10",
             "minimum": "1.5",
             "tiers": [{"up_to": "100", "price": "0.1"}, {"up_to": "1000", "price": "0.08"}, {"price": "0.05"}]},
        ]);
        assert_eq!(body["prices"], expected);
    }
}
