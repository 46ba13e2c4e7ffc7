//! What each quarter of an hour cost, such that any windows add up to the charge.

use super::reckoning::Reckoning;
use super::series::{Meter, Reported, Series};
use super::share::share;
use crate::plan::PriceDef;
use domain::dimension::Group;
use domain::id::UnitId;
use domain::money::Amount;
use domain::quantity::Sum;
use domain::time::Quarter;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Zero;
use std::collections::BTreeMap;

/// The cost of one group in one quarter of an hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// When.
    pub quarter: Quarter,
    /// Of which dimensions.
    pub group: Group,
    /// As it was reported, by unit.
    pub reported: BTreeMap<UnitId, Sum>,
    /// The exact quantity in the price's unit.
    pub quantity: BigRational,
    /// Its share of the quarter's cost; windows of these add up exactly.
    pub amount_unrounded: Amount,
}

/// A quarter costs the difference of the rated running total at its two ends, each rounded half-even to 12 places; its
/// groups share that in proportion to quantity.
pub(crate) fn costs(price: &PriceDef, meter: &Meter, series: &Series) -> Vec<Cost> {
    let mut costs = Vec::new();
    let mut running = BigInt::zero();
    let mut before = Amount::default();
    for (quarter, groups) in series.quarters() {
        let counts: Vec<BigInt> = groups.values().map(|reported| meter.count(reported)).collect();
        running += counts.iter().sum::<BigInt>();
        let total = Reckoning::of_usage(price, &meter.quantity(running.clone())).amount_unrounded();
        let shares = share(&(total.atoms() - before.atoms()), &counts);
        before = total;
        let cost = |((group, reported), (count, atoms)): ((&Group, &Reported), (BigInt, BigInt))| Cost {
            quarter,
            group: group.clone(),
            reported: reported.clone(),
            quantity: meter.quantity(count),
            amount_unrounded: Amount::from_atoms(atoms),
        };
        costs.extend(groups.iter().zip(counts.into_iter().zip(shares)).map(cost));
    }
    costs
}
