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
    /// Which tier, from 0.
    pub index: usize,
    /// The rule it breaks.
    pub rule: String,
}

impl Tiers {
    /// Checks that the bounds rise and that the last tier, and no other, is open-ended.
    pub fn new(tiers: Vec<Tier>) -> Result<Self, Vec<TierFault>> {
        if tiers.is_empty() || tiers.len() > TIERS_MAX {
            return Err(vec![TierFault { index: 0, rule: format!("must be 1 to {TIERS_MAX} tiers") }]);
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
            faults.push(TierFault { index, rule });
        }
        if faults.is_empty() { Ok(Self(tiers)) } else { Err(faults) }
    }

    /// From the lowest to the open-ended one.
    pub fn as_slice(&self) -> &[Tier] {
        &self.0
    }
}
