//! One price of a plan.

use super::tier::Tiers;
use domain::id::{PriceId, SkuId, UnitId};
use domain::money::Price;
use domain::quantity::{Quantity, Sum};
use num_rational::BigRational;
use std::collections::BTreeMap;
use std::fmt;

/// A quantity above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Positive(Quantity);

impl Positive {
    /// One unit.
    pub const ONE: Self = Self(Quantity::ONE);

    /// `None`: it is zero or below.
    pub fn new(quantity: Quantity) -> Option<Self> {
        (quantity > Quantity::ZERO).then_some(Self(quantity))
    }

    /// The exact value for rating.
    pub fn to_rational(self) -> BigRational {
        Sum::from(self.0).to_rational()
    }
}

impl fmt::Display for Positive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a quantity becomes an amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Model {
    /// Every unit costs the same.
    PerUnit(Price),
    /// Each tier's price holds for the units within it.
    Graduated(Tiers),
    /// The price of the tier that the whole quantity reaches holds for all of it.
    Volume(Tiers),
    /// Every started package costs the same.
    Package(Price),
}

impl Model {
    /// Its name in documents.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PerUnit(_) => "per_unit",
            Self::Graduated(_) => "graduated",
            Self::Volume(_) => "volume",
            Self::Package(_) => "package",
        }
    }
}

/// What one kind of usage costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceDef {
    /// Its name within the plan, stable over versions.
    pub id: PriceId,
    /// The usage it is for.
    pub sku: SkuId,
    /// The unit that quantities are counted in.
    pub unit: UnitId,
    /// How many units a price is for; of a package, its size.
    pub per: Positive,
    /// How a quantity becomes an amount.
    pub model: Model,
    /// The dimensions usage must have for this price to hold.
    pub dimensions: BTreeMap<String, String>,
    /// What comes off first, in units.
    pub free: Option<Positive>,
    /// The least that is paid for a month under this price.
    pub minimum: Option<Price>,
    /// For people.
    pub description: Option<String>,
}

impl PriceDef {
    /// Whether usage of these dimensions has all that this price names.
    pub fn matches(&self, pairs: &[(String, String)]) -> bool {
        let has =
            |(key, value): (&String, &String)| pairs.iter().any(|(name, held)| name == key && held == value);
        self.dimensions.iter().all(has)
    }

    /// Whether some usage could match both with equally many dimensions named.
    pub fn ties_with(&self, other: &Self) -> bool {
        let agree =
            |(key, value): (&String, &String)| other.dimensions.get(key).is_none_or(|held| held == value);
        self.sku == other.sku
            && self.dimensions.len() == other.dimensions.len()
            && self.dimensions.iter().all(agree)
    }
}
