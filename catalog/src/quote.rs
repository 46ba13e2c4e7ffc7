//! What usage would cost under a plan, published or not. Pure.

use crate::plan::{Plan, PlanVersion};
use crate::rating::{Account, Month, Segment, UsageQuarter, rate_month};
use domain::calendar::Calendar;
use domain::dimension::Group;
use domain::id::{ContractId, SkuId, TenantId, UnitId};
use domain::quantity::Sum;
use domain::unit::Units;
use std::sync::Arc;

/// The name of tenant and contract in a quote.
const NOBODY: &str = "quote";

/// Usage to be quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// What was used.
    pub sku: SkuId,
    /// In which unit.
    pub unit: UnitId,
    /// Of which dimensions.
    pub group: Group,
    /// How much.
    pub sum: Sum,
}

/// Rates usage of one whole month under a plan. Minimums are owed whether or not anything was used.
pub fn quote(plan: &Plan, units: &Units, used: &[Used]) -> Month {
    let calendar = Calendar::utc();
    let period = calendar.period_of(plan.effective_time());
    let window = calendar.window_of(period);
    let quarter = window.start().quarter();
    let usage = |used: &Used| UsageQuarter {
        sku: used.sku.clone(),
        unit: used.unit.clone(),
        group: used.group.clone(),
        quarter,
        posted: None,
        sum: used.sum,
        count: 1,
    };
    let usage: Vec<UsageQuarter> = used.iter().map(usage).collect();
    let version = Some(Arc::new(PlanVersion { number: 1, plan: plan.clone() }));
    let contract = ContractId::parse(NOBODY).expect("it is a name");
    let tenant = TenantId::parse(NOBODY).expect("it is a name");
    let account = Account { tenant, calendar, segments: vec![Segment { window, contract, version }] };
    rate_month(&account, units, period, &usage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::PlanDocument;

    const EXAMPLE: &str = include_str!("plan/example.yaml");

    fn used(sku: &str, unit: &str, group: &str, sum: &str) -> Used {
        Used {
            sku: SkuId::parse(sku).unwrap(),
            unit: UnitId::parse(unit).unwrap(),
            group: Group::from_canonical(group),
            sum: Sum::parse(sum).unwrap(),
        }
    }

    fn amounts(text: &str, used: &[Used]) -> Vec<(String, String)> {
        let plan = PlanDocument::parse(text).unwrap().into_plan();
        let charges = quote(&plan, &Units::built_in(), used).charges().charges;
        charges.into_iter().map(|charge| (charge.key.price.to_string(), charge.amount.to_string())).collect()
    }

    fn shown(rows: &[(&str, &str)]) -> Vec<(String, String)> {
        rows.iter().map(|(price, amount)| ((*price).to_owned(), (*amount).to_owned())).collect()
    }

    #[test]
    fn usage_of_a_month_is_rated_by_every_price_it_matches() {
        let usage = [
            // 10,000,000 × 3.00 and 2,000,000 × 2.50 the million.
            used("llm.input", "token", "", "12000000"),
            // 1,000,000 × 3.30 the million.
            used("llm.input", "token", "region=eu-1", "1000000"),
            // 60,000 MB are 60 GB, 10 of them free: 50 × 0.10.
            used("disk", "MB", "", "60000"),
            // 1,001 calls are two packages of 2.00.
            used("api.calls", "api_call", "", "1001"),
        ];
        let expected = [("calls", "4"), ("input", "35"), ("input-eu", "3.3"), ("storage", "5")];
        assert_eq!(amounts(EXAMPLE, &usage), shown(&expected));
    }

    #[test]
    fn a_quote_of_nothing_is_what_is_owed_anyway() {
        assert_eq!(amounts(EXAMPLE, &[]), shown(&[("storage", "1.5")]));
    }

    #[test]
    fn the_difference_of_two_plans_is_that_of_their_quotes() {
        let usage = [used("api.calls", "api_call", "", "2500")];
        let dearer = EXAMPLE.replace("price: \"2.00\"", "price: \"2.50\"");
        assert_eq!(amounts(EXAMPLE, &usage)[0].1, "6");
        assert_eq!(amounts(&dearer, &usage)[0].1, "7.5");
    }

    #[test]
    fn what_no_price_holds_for_is_named() {
        let plan = PlanDocument::parse(EXAMPLE).unwrap().into_plan();
        let quote =
            quote(&plan, &Units::built_in(), &[used("gpu", "h", "", "1"), used("disk", "h", "", "1")]);
        let unpriced: Vec<&str> = quote.unpriced.iter().map(|row| row.usage.sku.as_str()).collect();
        assert_eq!(unpriced, ["gpu", "disk"]);
    }
}
