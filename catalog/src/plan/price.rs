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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEYS: [&str; 3] = ["region", "tier", "zone"];
    const VALUES: [&str; 2] = ["a", "b"];

    fn price(dimensions: BTreeMap<String, String>) -> PriceDef {
        PriceDef {
            id: PriceId::parse("p").unwrap(),
            sku: SkuId::parse("disk").unwrap(),
            unit: UnitId::parse("GB").unwrap(),
            per: Positive::ONE,
            model: Model::PerUnit(Price::parse("1").unwrap()),
            dimensions,
            free: None,
            minimum: None,
            description: None,
        }
    }

    fn dimensions() -> impl Strategy<Value = BTreeMap<String, String>> {
        prop::collection::btree_map(prop::sample::select(&KEYS), prop::sample::select(&VALUES), 0..=3)
            .prop_map(|pairs| {
                pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
            })
    }

    /// All 27 kinds of usage: each key absent or with one of its values.
    fn all_usage() -> Vec<Vec<(String, String)>> {
        let choices = |key: &str| {
            let some = VALUES.iter().map(|value| Some((key.to_owned(), (*value).to_owned())));
            some.chain([None]).collect::<Vec<_>>()
        };
        let extend = |all: Vec<Vec<(String, String)>>, key: &&str| {
            let extended = all.iter().flat_map(|pairs| {
                choices(key).into_iter().map(|choice| pairs.iter().cloned().chain(choice).collect::<Vec<_>>())
            });
            extended.collect()
        };
        KEYS.iter().fold(vec![Vec::new()], extend)
    }

    #[test]
    fn zero_and_less_are_not_positive() {
        assert_eq!(Positive::new(Quantity::ZERO), None);
        assert_eq!(Positive::new(Quantity::parse("-1").unwrap()), None);
        assert_eq!(Positive::new(Quantity::ONE), Some(Positive::ONE));
    }

    proptest! {
        #[test]
        fn two_prices_tie_where_some_usage_matches_both_with_equally_many_dimensions(one in dimensions(), other in dimensions()) {
            let (one, other) = (price(one), price(other));
            let both = all_usage().iter().any(|usage| one.matches(usage) && other.matches(usage));
            let tie = both && one.dimensions.len() == other.dimensions.len();
            prop_assert_eq!(one.ties_with(&other), tie);
            prop_assert_eq!(other.ties_with(&one), tie);
        }
    }
}
