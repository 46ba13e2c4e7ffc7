//! Rating: usage to amount, as pure functions of values.
//!
//! The one path: [`rate_month`] gives each [`UsageQuarter`] to the [`Segment`] in force and the price that matches it;
//! what falls under one price is [`Rated`] as one charge, whose [`costs`](Rated::costs) are those of its quarters.

mod cost;
#[cfg(test)]
mod fixture;
mod month;
mod reckoning;
mod segment;
mod series;
mod share;
mod sorting;

pub use cost::Cost;
pub use month::{Account, Month, Rated, rate_month};
pub use segment::{ContractTerms, Segment, segments};
pub use sorting::{Unpriced, UnpricedReason};

use domain::calendar::Period;
use domain::dimension::Group;
use domain::id::{SkuId, UnitId};
use domain::quantity::Sum;
use domain::time::Quarter;

/// Usage of one quarter of an hour, as it was reported. Several of one key are one sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageQuarter {
    /// What was used.
    pub sku: SkuId,
    /// The unit it was reported in.
    pub unit: UnitId,
    /// The declared dimensions.
    pub group: Group,
    /// When.
    pub quarter: Quarter,
    /// The period an adjustment is billed in; `None`: its own.
    pub posted: Option<Period>,
    /// How much.
    pub sum: Sum,
    /// How many pulses.
    pub count: u64,
}
