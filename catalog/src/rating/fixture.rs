//! Plans, usage and accounts for tests.

use super::{Account, Month, Segment, UsageQuarter, rate_month};
use crate::plan::{PlanDocument, PlanVersion, PriceDef};
use domain::calendar::{Calendar, Period};
use domain::dimension::Group;
use domain::id::{ContractId, SkuId, TenantId, UnitId};
use domain::quantity::Sum;
use domain::time::{Timestamp, Window};
use domain::unit::Units;
use num_rational::BigRational;
use std::sync::Arc;

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub(crate) fn period(text: &str) -> Period {
    Period::parse(text).unwrap()
}

pub(crate) fn exact(text: &str) -> BigRational {
    domain::decimal::Decimal::parse(text).unwrap().to_rational()
}

/// Version `number` of a plan in dollars from January on, with these prices in YAML.
pub(crate) fn version(number: u32, prices: &str) -> Arc<PlanVersion> {
    version_from(number, "2026-01-01T00:00:00Z", prices)
}

/// The same from another time on.
pub(crate) fn version_from(number: u32, time: &str, prices: &str) -> Arc<PlanVersion> {
    let text = format!("plan: test\ncurrency: USD\neffective_time: {time}\nprices:\n{prices}\n");
    let document = PlanDocument::parse(&text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    Arc::new(PlanVersion { number, plan: document.into_plan() })
}

/// A price of `disk` in GB: the rest of it in YAML.
pub(crate) fn disk(rest: &str) -> PriceDef {
    version(1, &format!("- {{id: disk, sku: disk, unit: GB, {rest}}}")).plan.prices()[0].clone()
}

/// Usage of `disk`.
pub(crate) fn usage(time: &str, quantity: &str, unit: &str) -> UsageQuarter {
    UsageQuarter {
        sku: SkuId::parse("disk").unwrap(),
        unit: UnitId::parse(unit).unwrap(),
        group: Group::none(),
        quarter: at(time).quarter(),
        posted: None,
        sum: Sum::parse(quantity).unwrap(),
        count: 1,
    }
}

/// A contract from one time to another under one version.
pub(crate) fn segment(start: &str, end: &str, version: Option<&Arc<PlanVersion>>) -> Segment {
    Segment {
        window: Window::new(at(start), at(end)).unwrap(),
        contract: ContractId::parse("c").unwrap(),
        version: version.cloned(),
    }
}

pub(crate) fn account(segments: Vec<Segment>) -> Account {
    Account { tenant: TenantId::parse("acme").unwrap(), calendar: Calendar::utc(), segments }
}

/// Rates a month under one version that holds for the whole of 2026.
pub(crate) fn rate(version: &Arc<PlanVersion>, month: &str, usage: &[UsageQuarter]) -> Month {
    let year = segment("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", Some(version));
    rate_month(&account(vec![year]), &Units::built_in(), period(month), usage)
}
