//! The usage of one charge, by quarter, group and reported unit, and the reading of it in the price's unit.

use super::UsageQuarter;
use domain::dimension::Group;
use domain::id::UnitId;
use domain::quantity::Sum;
use domain::time::Quarter;
use domain::unit::Units;
use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::One;
use std::collections::{BTreeMap, BTreeSet};

/// Exact sums by reported unit.
pub(crate) type Reported = BTreeMap<UnitId, Sum>;

/// Usage in the order of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Series(BTreeMap<Quarter, BTreeMap<Group, Reported>>);

impl Series {
    /// Adds usage, in any order.
    pub(crate) fn add(&mut self, usage: &UsageQuarter) {
        let group = self.0.entry(usage.quarter).or_default().entry(usage.group.clone()).or_default();
        *group.entry(usage.unit.clone()).or_default() += usage.sum;
    }

    /// Its quarters in the order of time, each with its groups in their order.
    pub(crate) fn quarters(&self) -> impl Iterator<Item = (Quarter, &BTreeMap<Group, Reported>)> {
        self.0.iter().map(|(quarter, groups)| (*quarter, groups))
    }

    /// The sum of everything, by reported unit.
    pub(crate) fn total(&self) -> Reported {
        let mut total = Reported::new();
        for (unit, sum) in self.0.values().flat_map(BTreeMap::values).flatten() {
            *total.entry(unit.clone()).or_default() += *sum;
        }
        total
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Reads reported sums in the price's unit, as whole numbers of one common fraction of it: adding them needs no
/// reduction, and only the running total of a quarter becomes a rational.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meter {
    factors: BTreeMap<UnitId, BigInt>,
    denominator: BigInt,
}

/// Sums count 10^-12.
const ATOMS: u64 = 1_000_000_000_000;

impl Meter {
    /// For those reported units that convert to the price's unit; nothing else is ever read.
    pub(crate) fn new(units: &Units, unit: &UnitId, reported: BTreeSet<&UnitId>) -> Self {
        let convert = |from: &UnitId| Some((from.clone(), units.conversion(from, unit)?));
        let ratios: Vec<(UnitId, BigRational)> = reported.into_iter().filter_map(convert).collect();
        let common = ratios.iter().fold(BigInt::one(), |common, (_, ratio)| common.lcm(ratio.denom()));
        let factor = |(from, ratio): (UnitId, BigRational)| (from, ratio.numer() * (&common / ratio.denom()));
        Self { factors: ratios.into_iter().map(factor).collect(), denominator: &common * ATOMS }
    }

    /// How many of the common fractions the sums are.
    pub(crate) fn count(&self, reported: &Reported) -> BigInt {
        let part = |(unit, sum): (&UnitId, &Sum)| {
            let atoms = BigInt::from_signed_bytes_le(&sum.to_le_bytes());
            self.factors.get(unit).map(|factor| atoms * factor)
        };
        reported.iter().filter_map(part).sum()
    }

    /// The exact quantity of so many common fractions.
    pub(crate) fn quantity(&self, count: BigInt) -> BigRational {
        BigRational::new(count, self.denominator.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{exact, usage};
    use super::*;
    use proptest::prelude::*;

    fn id(text: &str) -> UnitId {
        UnitId::parse(text).unwrap()
    }

    fn meter(unit: &str, reported: &[&str]) -> Meter {
        let reported: Vec<UnitId> = reported.iter().map(|unit| id(unit)).collect();
        Meter::new(&Units::built_in(), &id(unit), reported.iter().collect())
    }

    #[test]
    fn sums_of_several_units_are_one_exact_quantity() {
        let meter = meter("GB.h", &["GB.s", "GiB.h", "GB.d"]);
        let sums = [("GB.s", "1"), ("GiB.h", "2"), ("GB.d", "-0.5")];
        let reported = sums.map(|(unit, sum)| (id(unit), Sum::parse(sum).unwrap())).into_iter().collect();
        // 1/3600 + 2 × 1.073741824 - 0.5 × 24 GB.h
        let expected = BigRational::new(1.into(), 3_600.into()) + exact("2.147483648") - exact("12");
        assert_eq!(meter.quantity(meter.count(&reported)), expected);
    }

    #[test]
    fn usage_of_one_key_is_one_sum_whatever_its_order() {
        let rows = [("1", "GB"), ("2", "GiB"), ("0.5", "GB")]
            .map(|(sum, unit)| usage("2026-02-01T00:00:00Z", sum, unit));
        let (mut there, mut back) = (Series::default(), Series::default());
        for (row, mirrored) in rows.iter().zip(rows.iter().rev()) {
            there.add(row);
            back.add(mirrored);
        }
        assert_eq!(there, back);
        let expected = [("GB", "1.5"), ("GiB", "2")].map(|(unit, sum)| (id(unit), Sum::parse(sum).unwrap()));
        assert_eq!(there.total(), expected.into_iter().collect());
        assert_eq!(there.quarters().count(), 1);
    }

    proptest! {
        #[test]
        fn counting_apart_or_together_is_the_same(one in any::<i64>(), other in any::<i64>()) {
            let meter = meter("h", &["s", "min"]);
            let of = |unit: &str, units: i64| Reported::from([(id(unit), Sum::parse(&units.to_string()).unwrap())]);
            let together: Reported = of("s", one).into_iter().chain(of("min", other)).collect();
            let apart = meter.count(&of("s", one)) + meter.count(&of("min", other));
            prop_assert_eq!(meter.count(&together), apart.clone());
            let hours = BigRational::new(one.into(), 3_600.into()) + BigRational::new(other.into(), 60.into());
            prop_assert_eq!(meter.quantity(apart), hours);
        }
    }
}
