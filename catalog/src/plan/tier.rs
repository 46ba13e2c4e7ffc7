//! Tiers of a price.

use super::price::Positive;
use domain::money::Price;

/// The most tiers of one price.
pub const TIERS_MAX: usize = 100;

/// A span of quantities with one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// The last quantity within it; `None` in the last tier, which is open-ended.
    pub up_to: Option<Positive>,
    /// What one `per` costs in it.
    pub price: Price,
}

/// Tiers that cover every quantity above zero exactly once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tiers(Vec<Tier>);

/// A tier that breaks the cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierFault {
    /// Which tier, from 0; `None`: all of them.
    pub index: Option<usize>,
    /// The rule it breaks.
    pub rule: String,
}

impl Tiers {
    /// Checks that the bounds rise and that the last tier, and no other, is open-ended.
    pub fn new(tiers: Vec<Tier>) -> Result<Self, Vec<TierFault>> {
        if tiers.is_empty() || tiers.len() > TIERS_MAX {
            return Err(vec![TierFault { index: None, rule: format!("must be 1 to {TIERS_MAX} tiers") }]);
        }
        let mut faults = Vec::new();
        let last = tiers.len() - 1;
        for (index, tier) in tiers.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|before| tiers[before].up_to);
            let rule = match (tier.up_to, before) {
                (Some(_), _) if index == last => "leaves a gap: the last tier must have no up_to".to_owned(),
                (None, _) if index < last => {
                    "must have an up_to: only the last tier is open-ended".to_owned()
                }
                (Some(up_to), Some(before)) if up_to <= before => {
                    format!("overlaps the tier before it: up_to must be above {before}")
                }
                _ => continue,
            };
            faults.push(TierFault { index: Some(index), rule });
        }
        if faults.is_empty() { Ok(Self(tiers)) } else { Err(faults) }
    }

    /// From the lowest to the open-ended one.
    pub fn as_slice(&self) -> &[Tier] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::quantity::Quantity;
    use proptest::prelude::*;

    fn tiers(bounds: &[Option<i64>]) -> Result<Tiers, Vec<TierFault>> {
        let price = Price::parse("1").unwrap();
        let tier = |bound: &Option<i64>| Tier {
            up_to: bound.map(|bound| Positive::new(Quantity::from_integer(bound).unwrap()).unwrap()),
            price,
        };
        Tiers::new(bounds.iter().map(tier).collect())
    }

    fn faulty(bounds: &[Option<i64>]) -> Vec<Option<usize>> {
        tiers(bounds).unwrap_err().into_iter().map(|fault| fault.index).collect()
    }

    #[test]
    fn tiers_rise_to_one_that_is_open() {
        assert_eq!(tiers(&[Some(1), Some(2), None]).unwrap().as_slice().len(), 3);
        assert_eq!(tiers(&[None]).unwrap().as_slice().len(), 1);
    }

    #[test]
    fn every_tier_that_breaks_the_cover_is_named() {
        assert_eq!(faulty(&[]), [None]);
        assert_eq!(faulty(&[Some(1)]), [Some(0)]);
        assert_eq!(faulty(&[None, None]), [Some(0)]);
        assert_eq!(faulty(&[Some(2), Some(2), Some(1), Some(5)]), [Some(1), Some(2), Some(3)]);
        assert_eq!(faulty(&vec![None; TIERS_MAX + 1]), [None]);
    }

    proptest! {
        #[test]
        fn tiers_that_hold_cover_every_quantity_once(bounds in prop::collection::vec(prop::option::of(1_i64..20), 1..5), at in 1_i64..25) {
            if let Ok(tiers) = tiers(&bounds) {
                let at = Positive::new(Quantity::from_integer(at).unwrap()).unwrap();
                let mut above = None;
                let mut holding = 0;
                for tier in tiers.as_slice() {
                    let within = above.is_none_or(|above| at > above) && tier.up_to.is_none_or(|up_to| at <= up_to);
                    holding += usize::from(within);
                    above = tier.up_to;
                }
                prop_assert_eq!(holding, 1);
            }
        }
    }
}
