//! Price plans: what usage costs, from when on, in which currency.

mod body;
mod diff;
mod document;
mod fault;
mod price;
mod raw_price;
mod reader;
mod tier;

pub use body::{PlanBody, PriceBody, TierBody};
pub use diff::{FieldDiff, PlanDiff, PriceChange, PriceDiff};
pub use document::PlanDocument;
pub use fault::{PlanError, PlanErrors};
pub use price::{Model, Positive, PriceDef};
pub use tier::{Tier, Tiers};

pub(crate) use fault::Faults;
pub(crate) use raw_price::PricePlaces;

use domain::dimension::Group;
use domain::id::{PlanId, SkuId};
use domain::money::Currency;
use domain::time::{Quarter, Timestamp};

/// A price plan that keeps every rule which needs no knowledge of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    id: PlanId,
    currency: Currency,
    effective: Quarter,
    prices: Vec<PriceDef>,
}

/// A plan as it was published; nothing in it ever changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanVersion {
    /// From 1, given by the catalogue.
    pub number: u32,
    /// What it says.
    pub plan: Plan,
}

impl Plan {
    /// Its name.
    pub fn id(&self) -> &PlanId {
        &self.id
    }

    /// The currency of all its prices.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// From when on it holds, always on a quarter of an hour.
    pub fn effective_time(&self) -> Timestamp {
        self.effective.start()
    }

    /// Its prices, ordered by id; no two of them can tie for the same usage.
    pub fn prices(&self) -> &[PriceDef] {
        &self.prices
    }

    /// The price of usage: of those that match it, the one that names most dimensions.
    pub fn find_price(&self, sku: &SkuId, group: &Group) -> Option<&PriceDef> {
        let pairs = group.pairs();
        let matching = self.prices.iter().filter(|price| price.sku == *sku && price.matches(&pairs));
        matching.max_by_key(|price| price.dimensions.len())
    }

    /// The document as it is shown: normal numbers, defaults left out, prices ordered by id.
    pub fn body(&self) -> PlanBody {
        PlanBody::from(self)
    }

    /// The one spelling of its content, as JSON: equal texts are equal plans.
    pub fn canonical(&self) -> String {
        serde_json::to_string(&self.body()).expect("a body of texts always serialises")
    }
}
