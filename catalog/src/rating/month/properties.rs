//! What holds of every plan and every usage.

use super::super::fixture::{period, rate, usage, version};
use super::*;
use crate::plan::PlanVersion;
use domain::decimal::Decimal;
use domain::dimension::Group;
use domain::quantity::Quantity;
use domain::time::Quarter;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, Zero};
use proptest::prelude::*;
use std::sync::Arc;

const FIRST: &str = "2026-02-01T00:00:00Z";
const QUARTERS: i64 = 28 * 96;

fn price_text() -> impl Strategy<Value = String> {
    prop_oneof![Just("0".to_owned()), "[0-9]{1,3}\\.[0-9]{1,4}", "0\\.0{0,6}[0-9]{1,5}", "[1-9][0-9]{0,11}"]
}

fn tiers() -> impl Strategy<Value = String> {
    let bounds = prop::collection::btree_set(1_u32..2_000, 0..4);
    (bounds, prop::collection::vec(price_text(), 5)).prop_map(|(bounds, prices)| {
        let bounded = bounds
            .iter()
            .zip(&prices)
            .map(|(bound, price)| format!("{{up_to: \"{bound}\", price: \"{price}\"}}, "));
        format!("tiers: [{}{{price: \"{}\"}}]", bounded.collect::<String>(), prices[4])
    })
}

fn model() -> impl Strategy<Value = String> {
    prop_oneof![
        price_text().prop_map(|price| format!("model: per_unit, price: \"{price}\"")),
        price_text().prop_map(|price| format!("model: package, price: \"{price}\"")),
        tiers().prop_map(|tiers| format!("model: graduated, {tiers}")),
        tiers().prop_map(|tiers| format!("model: volume, {tiers}")),
    ]
}

/// A version with one price, which matches every group.
fn plan(minimum: impl Strategy<Value = u32>) -> impl Strategy<Value = Arc<PlanVersion>> {
    (model(), 1_u32..1_500, 0_u32..300, minimum).prop_map(|(model, per, free, minimum)| {
        let bounds = format!("per: \"{per}\", free: \"{free}\", minimum: \"{minimum}\"");
        version(1, &format!("- {{id: disk, sku: disk, unit: GB, {bounds}, {model}}}"))
    })
}

fn row() -> impl Strategy<Value = UsageQuarter> {
    let quantity =
        prop_oneof![-900_000_000_000_i128..900_000_000_000, -900_000_000_000_000_i128..900_000_000_000_000];
    (0..QUARTERS, 0_u8..3, prop::bool::ANY, quantity).prop_map(|(offset, group, binary, atoms)| {
        let row = usage(FIRST, "0", if binary { "GiB" } else { "GB" });
        UsageQuarter {
            quarter: Quarter(row.quarter.0 + offset / 200 * 200),
            group: Group::from_canonical(&format!("region={group}")),
            sum: Quantity::from_atoms(atoms).unwrap().into(),
            ..row
        }
    })
}

fn rows() -> impl Strategy<Value = Vec<UsageQuarter>> {
    prop::collection::vec(row(), 0..24)
}

/// The only charge; none where nothing was used and nothing is owed.
fn only(month: &Month) -> Option<&Rated> {
    assert!(month.rated.len() <= 1 && month.unpriced.is_empty());
    month.rated.first()
}

proptest! {
    #[test]
    fn costs_before_any_instant_are_the_rating_of_the_usage_before_it(version in plan(0_u32..50), rows in rows(), cut in 0..QUARTERS) {
        let month = rate(&version, "2026-02", &rows);
        let Some(rated) = only(&month) else { return Ok(()) };
        let cut = Quarter(usage(FIRST, "0", "GB").quarter.0 + cut);
        let before: Vec<UsageQuarter> = rows.iter().filter(|row| row.quarter < cut).cloned().collect();
        let rated_alone = only(&rate(&version, "2026-02", &before)).map_or_else(Amount::default, Rated::usage_amount);
        let costs = rated.costs();
        let summed: Amount = costs.iter().filter(|cost| cost.quarter < cut).map(|cost| cost.amount_unrounded.clone()).sum();
        prop_assert_eq!(summed, rated_alone);
        let all: Amount = costs.into_iter().map(|cost| cost.amount_unrounded).sum();
        prop_assert_eq!(all + rated.amount_without_window(), rated.charge.amount_unrounded.clone());
    }

    #[test]
    fn a_group_pays_its_part_of_a_quarter(version in plan(Just(0_u32)), rows in rows()) {
        let month = rate(&version, "2026-02", &rows);
        let costs = only(&month).map_or_else(Vec::new, Rated::costs);
        for of_quarter in costs.chunk_by(|one, other| one.quarter == other.quarter) {
            let quantity: BigRational = of_quarter.iter().map(|cost| &cost.quantity).sum();
            let amount: Amount = of_quarter.iter().map(|cost| cost.amount_unrounded.clone()).sum();
            for cost in of_quarter {
                if quantity.is_zero() {
                    prop_assert!(cost.amount_unrounded.is_zero());
                } else {
                    let part = amount.to_rational() * &cost.quantity / &quantity;
                    let error = (part - cost.amount_unrounded.to_rational()).abs();
                    prop_assert!(error < BigRational::new(1.into(), BigInt::from(10).pow(12)));
                }
            }
        }
    }

    #[test]
    fn lines_add_up_and_the_amount_is_the_nearest_cent(version in plan(0_u32..50), rows in rows()) {
        let month = rate(&version, "2026-02", &rows);
        for (charge, rated) in month.charges().charges.into_iter().zip(&month.rated) {
            let used: BigRational = rated.costs().into_iter().map(|cost| cost.quantity).sum();
            prop_assert_eq!(&charge.quantity, &Decimal::round_half_even(&used, 12));
            let amount: Amount = charge.lines.iter().map(|line| line.amount_unrounded.clone()).sum();
            let quantity: Decimal = charge.lines.iter().map(|line| line.quantity.clone()).sum();
            prop_assert_eq!(&amount, &charge.amount_unrounded);
            prop_assert_eq!(quantity, charge.quantity);
            let half = BigRational::new(5_000_000_001_i64.into(), BigInt::from(10).pow(12));
            prop_assert!((charge.amount.to_rational() - amount.to_rational()).abs() <= half);
        }
    }

    #[test]
    fn the_order_of_usage_does_not_matter_and_rating_again_is_the_same(version in plan(0_u32..50), rows in rows(), turn in 0_usize..24) {
        let month = rate(&version, "2026-02", &rows);
        prop_assert_eq!(&rate(&version, "2026-02", &rows), &month);
        let mut turned = rows;
        turned.reverse();
        let turn = turn.min(turned.len());
        turned.rotate_left(turn);
        prop_assert_eq!(&rate(&version, "2026-02", &turned), &month);
    }

    #[test]
    fn usage_taken_back_costs_what_it_cost(version in plan(Just(0_u32)), rows in rows()) {
        let negated: Vec<UsageQuarter> = rows.iter().map(|row| {
            let text = row.sum.to_string();
            let text = text.strip_prefix('-').map_or_else(|| format!("-{text}"), str::to_owned);
            UsageQuarter { sum: domain::quantity::Sum::parse(&text).unwrap(), ..row.clone() }
        }).collect();
        let (month, back) = (rate(&version, "2026-02", &rows), rate(&version, "2026-02", &negated));
        let amounts = |month: &Month| only(month).map(|rated| (rated.charge.amount_unrounded.to_rational(), rated.charge.amount.to_rational()));
        prop_assert_eq!(amounts(&month), amounts(&back).map(|(unrounded, amount)| (-unrounded, -amount)));
    }

    #[test]
    fn a_month_and_its_adjustments_come_to_the_rating_of_everything(version in plan(0_u32..50), own in rows(), late in prop::collection::vec((row(), 3_i8..6), 0..12)) {
        let late = late.into_iter().map(|(row, month)| UsageQuarter { posted: Period::new(2026, month), ..row });
        let rows: Vec<UsageQuarter> = own.into_iter().chain(late).collect();
        let paid = |month: &str| {
            let charges = rate(&version, month, &rows).charges().charges;
            let of_february = charges.into_iter().filter(|charge| charge.key.adjusts.unwrap_or(charge.key.period) == period("2026-02"));
            of_february.map(|charge| charge.amount).sum::<Amount>()
        };
        let parts: Amount = ["2026-02", "2026-03", "2026-04", "2026-05"].into_iter().map(paid).sum();
        let all: Vec<UsageQuarter> = rows.iter().map(|row| UsageQuarter { posted: None, ..row.clone() }).collect();
        let whole: Amount = rate(&version, "2026-02", &all).charges().charges.into_iter().map(|charge| charge.amount).sum();
        prop_assert_eq!(parts, whole);
    }
}
