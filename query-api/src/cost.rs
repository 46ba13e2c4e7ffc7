//! Costs folded into items: windows of priced usage, usage without a price, and what belongs to no window.

use crate::group::{Filter, GroupBy, GroupKey, Subject};
use crate::top::{Place, Weighed};
use crate::window::{Grid, Windows};
use catalog::charge::ChargeKey;
use catalog::plan::PriceDef;
use catalog::rating::{Cost, Month, Rated, Unpriced};
use domain::calendar::Calendar;
use domain::dimension::{Dimensions, Group};
use domain::id::{TenantId, UnitId};
use domain::money::{Amount, Currency};
use domain::quantity::Sum;
use domain::time::{Quarter, Window};
use num_rational::BigRational;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a cost falls: items are listed in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Slot {
    /// When.
    pub span: Span,
    /// The group.
    pub group: GroupKey,
    /// Of which currency, or why there is none.
    pub priced: Priced,
}

/// When a cost arose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Span {
    /// In a window: its ends, in seconds since the epoch.
    Window(i64, i64),
    /// In no window: a shortfall to a minimum, an adjustment.
    Beside,
}

/// Whether usage has a price.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Priced {
    /// In that currency.
    In(String),
    /// It has none, for that reason.
    Not(String),
}

/// The costs of one slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Costs {
    /// In each unit that prices count in; of usage without a price, in each reported unit.
    pub quantities: BTreeMap<UnitId, BigRational>,
    /// As reported.
    pub reported: BTreeMap<UnitId, Sum>,
    /// The exact difference of running totals.
    pub amount: Amount,
    /// Of which charges, and of how many parts of each.
    parts: BTreeMap<ChargeKey, usize>,
}

/// A charge that an item is the whole of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WholeCharge {
    /// Which.
    pub key: ChargeKey,
    /// Its rounded amount.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
}

/// Folds rated months into the items of an answer.
pub struct CostFold<'a> {
    grid: &'a Grid,
    windows: Windows<'a>,
    filter: &'a Filter,
    group_by: &'a GroupBy,
    items: BTreeMap<Slot, Costs>,
    charges: BTreeMap<ChargeKey, (usize, WholeCharge)>,
}

/// The items of an answer.
pub struct Folded {
    /// In their order.
    pub items: BTreeMap<Slot, Costs>,
    charges: BTreeMap<ChargeKey, (usize, WholeCharge)>,
}

/// Amounts of different currencies are not compared, and usage without a price has none: it goes by name.
impl Place for Slot {
    fn measure(&self) -> &str {
        match &self.priced {
            Priced::In(currency) => currency,
            Priced::Not(reason) => reason,
        }
    }

    fn group(&self) -> &GroupKey {
        &self.group
    }

    fn in_the_rest(self) -> Self {
        Self { group: GroupKey::Rest, ..self }
    }
}

impl Weighed for Costs {
    type Weight = Amount;

    fn weight(&self) -> Amount {
        self.amount.clone()
    }

    fn merge(&mut self, other: Self) {
        for (unit, quantity) in other.quantities {
            *self.quantities.entry(unit).or_default() += quantity;
        }
        for (unit, sum) in other.reported {
            *self.reported.entry(unit).or_default() += sum;
        }
        self.amount = std::mem::take(&mut self.amount) + other.amount;
        for (charge, parts) in other.parts {
            *self.parts.entry(charge).or_default() += parts;
        }
    }
}

impl Folded {
    /// The charge that an item is the whole of, and of no other.
    pub fn find_whole(&self, costs: &Costs) -> Option<&WholeCharge> {
        let (key, parts) = costs.parts.first_key_value()?;
        let (all, charge) = self.charges.get(key)?;
        (costs.parts.len() == 1 && parts == all).then_some(charge)
    }
}

impl<'a> CostFold<'a> {
    /// An empty answer.
    pub fn new(grid: &'a Grid, filter: &'a Filter, group_by: &'a GroupBy) -> Self {
        Self {
            grid,
            windows: Windows::new(grid),
            filter,
            group_by,
            items: BTreeMap::new(),
            charges: BTreeMap::new(),
        }
    }

    /// Adds a tenant's rated month.
    pub fn add(&mut self, month: &Month, calendar: &Calendar) {
        let ends_here = self.holds_end_of(&calendar.window_of(month.period));
        for rated in &month.rated {
            self.add_charge(rated, ends_here);
        }
        for unpriced in &month.unpriced {
            self.add_unpriced(&month.tenant, unpriced);
        }
    }

    /// The items in their order.
    pub fn finish(self) -> Folded {
        Folded { items: self.items, charges: self.charges }
    }

    /// What belongs to no window is shown where the range holds the end of its period, so that ranges that tile time
    /// show it once.
    fn holds_end_of(&self, period: &Window) -> bool {
        let last = Quarter(period.end().quarter().0 - 1);
        self.grid.range().contains(last.start())
    }

    fn add_charge(&mut self, rated: &Rated, ends_here: bool) {
        let charge = &rated.charge;
        let costs = rated.costs();
        let beside = rated.amount_without_window();
        let parts = costs.len() + usize::from(!beside.is_zero());
        let whole =
            WholeCharge { key: charge.key.clone(), amount: charge.amount.clone(), currency: charge.currency };
        self.charges.insert(charge.key.clone(), (parts, whole));
        for cost in &costs {
            self.add_cost(rated, cost);
        }
        if ends_here && !beside.is_zero() {
            self.add_beside(rated, beside);
        }
    }

    fn add_cost(&mut self, rated: &Rated, cost: &Cost) {
        let Some(span) = self.span_of(cost.quarter) else { return };
        let costs = Costs {
            quantities: BTreeMap::from([(rated.price.unit.clone(), cost.quantity.clone())]),
            reported: cost.reported.clone(),
            amount: cost.amount_unrounded.clone(),
            parts: BTreeMap::from([(rated.charge.key.clone(), 1)]),
        };
        self.put(span, &subject_of(rated, &cost.group), priced_in(rated), costs);
    }

    fn add_beside(&mut self, rated: &Rated, amount: Amount) {
        let parts = BTreeMap::from([(rated.charge.key.clone(), 1)]);
        let costs = Costs { amount, parts, ..Costs::default() };
        self.put(Span::Beside, &subject_of(rated, &group_of(&rated.price)), priced_in(rated), costs);
    }

    fn add_unpriced(&mut self, tenant: &TenantId, unpriced: &Unpriced) {
        let usage = &unpriced.usage;
        let Some(span) = self.span_of(usage.quarter) else { return };
        let subject = Subject { tenant, sku: &usage.sku, unit: &usage.unit, group: &usage.group };
        let costs = Costs {
            quantities: BTreeMap::from([(usage.unit.clone(), usage.sum.to_rational())]),
            reported: BTreeMap::from([(usage.unit.clone(), usage.sum)]),
            ..Costs::default()
        };
        self.put(span, &subject, Priced::Not(unpriced.reason.name().to_owned()), costs);
    }

    fn span_of(&mut self, quarter: Quarter) -> Option<Span> {
        let window = self.windows.of(quarter)?;
        Some(Span::Window(window.start().seconds(), window.end().seconds()))
    }

    /// Adds costs to their slot, where they are asked for.
    fn put(&mut self, span: Span, subject: &Subject<'_>, priced: Priced, costs: Costs) {
        if self.filter.matches(subject) {
            let slot = Slot { span, group: self.group_by.key(subject), priced };
            self.items.entry(slot).or_default().merge(costs);
        }
    }
}

fn priced_in(rated: &Rated) -> Priced {
    Priced::In(rated.charge.currency.to_string())
}

fn subject_of<'a>(rated: &'a Rated, group: &'a Group) -> Subject<'a> {
    Subject { tenant: &rated.charge.key.tenant, sku: &rated.price.sku, unit: &rated.price.unit, group }
}

/// The dimensions a price names: all that is known of what belongs to no window.
fn group_of(price: &PriceDef) -> Group {
    let pairs = price.dimensions.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let dimensions = Dimensions::parse(pairs).unwrap_or_default();
    dimensions.group(price.dimensions.keys().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::WindowSize;
    use catalog::plan::{PlanDocument, PlanVersion};
    use catalog::rating::{Account, Segment, UsageQuarter, rate_month};
    use domain::calendar::Period;
    use domain::id::{ContractId, SkuId};
    use domain::time::Timestamp;
    use domain::unit::Units;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::sync::Arc;

    const PLAN: &str = r#"
plan: llm
currency: USD
effective_time: 2026-01-01T00:00:00Z
prices:
  - {id: input, sku: llm.input, unit: token, per: "1000", model: graduated,
     tiers: [{up_to: "5000", price: "3.00"}, {price: "2.50"}]}
  - {id: vm, sku: vm, unit: h, per: "1", model: per_unit, price: "0.10", minimum: "50"}
"#;

    fn account() -> Account {
        let plan = PlanDocument::parse(PLAN).unwrap().into_plan();
        let segment = Segment {
            window: Window::new(Timestamp::from_seconds(1_767_225_600), Timestamp::MAX).unwrap(),
            contract: ContractId::parse("acme-1").unwrap(),
            version: Some(Arc::new(PlanVersion { number: 7, plan })),
        };
        Account {
            tenant: TenantId::parse("acme").unwrap(),
            calendar: Calendar::utc(),
            segments: vec![segment],
        }
    }

    /// The quarter so many after the start of 2026.
    fn usage(sku: &str, unit: &str, quarter: i64, sum: &str) -> UsageQuarter {
        UsageQuarter {
            sku: SkuId::parse(sku).unwrap(),
            unit: UnitId::parse(unit).unwrap(),
            group: Group::none(),
            quarter: Quarter(1_963_584 + quarter),
            posted: None,
            sum: Sum::parse(sum).unwrap(),
            count: 1,
        }
    }

    fn january() -> Window {
        Calendar::utc().window_of(Period::parse("2026-01").unwrap())
    }

    fn fold(all: &[UsageQuarter], range: Window, size: Option<WindowSize>, by: &str) -> Folded {
        let grid = Grid::new(range, size, &Calendar::utc());
        let (filter, by) = (Filter::default(), GroupBy::parse(by, &BTreeSet::new()).unwrap());
        let mut fold = CostFold::new(&grid, &filter, &by);
        let month = rate_month(&account(), &Units::built_in(), Period::parse("2026-01").unwrap(), all);
        fold.add(&month, &Calendar::utc());
        fold.finish()
    }

    fn shown(folded: &Folded) -> Vec<(Span, String, Option<String>)> {
        let whole = |costs| folded.find_whole(costs).map(|charge| charge.amount.display_in(charge.currency));
        folded.items.iter().map(|(slot, costs)| (slot.span, costs.amount.to_string(), whole(costs))).collect()
    }

    /// 5,000 tokens at 3.00 and 1,000 at 2.50 a thousand are 17.50; 10 h at 0.10 are 1.00, and 49 short of the minimum.
    #[test]
    fn a_whole_charge_has_its_rounded_amount_and_a_shortfall_stands_apart() {
        let all = [
            usage("llm.input", "token", 0, "4000"),
            usage("llm.input", "token", 9, "2000"),
            usage("vm", "h", 1, "10"),
        ];
        let folded = fold(&all, january(), None, "sku");
        let month = Span::Window(january().start().seconds(), january().end().seconds());
        assert_eq!(
            shown(&folded),
            [
                (month, "17.5".into(), Some("17.50".into())),
                (month, "1".into(), None),
                (Span::Beside, "49".into(), None),
            ]
        );
        let all = &fold(&all, january(), None, "").items;
        let total = all.values().next().unwrap();
        assert_eq!(total.amount.to_string(), "18.5");
        assert_eq!(total.quantities.len(), 2, "prices that differ in unit have no common quantity");
    }

    #[test]
    fn windows_cost_what_the_running_total_grows_and_are_no_whole_charge() {
        let all = [usage("llm.input", "token", 0, "4000"), usage("llm.input", "token", 96, "2000")];
        let folded = fold(&all, january(), Some(WindowSize::Day), "sku");
        let amounts: Vec<String> = folded.items.values().map(|costs| costs.amount.to_string()).collect();
        assert_eq!(amounts, ["12", "5.5", "50"]);
        assert!(
            folded
                .items
                .iter()
                .filter(|(slot, _)| slot.span != Span::Beside)
                .all(|(_, costs)| folded.find_whole(costs).is_none())
        );
        let minimum = folded.items.last_key_value().unwrap().1;
        assert_eq!(folded.find_whole(minimum).unwrap().amount.to_string(), "50");
    }

    #[test]
    fn what_belongs_to_no_window_is_shown_once_where_ranges_tile_the_period() {
        let half = Timestamp::from_seconds(1_768_608_000);
        let halves =
            [Window::new(january().start(), half).unwrap(), Window::new(half, january().end()).unwrap()];
        let beside = halves.map(|range| fold(&[], range, None, "sku").items.len());
        assert_eq!(beside, [0, 1]);
    }

    #[test]
    fn usage_without_a_price_says_why() {
        let all = [usage("disk", "GB", 0, "5"), usage("vm", "token", 0, "2")];
        let folded = fold(&all, january(), None, "");
        let (slot, costs) = folded.items.first_key_value().unwrap();
        assert_eq!(slot.priced, Priced::Not("NO_PRICE".into()));
        assert_eq!(costs.reported.values().map(Sum::to_string).collect::<Vec<_>>(), ["5", "2"]);
        assert!(folded.find_whole(costs).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn windows_add_up_to_the_charge_exactly(
            parts in prop::collection::vec((0_i64..2_976, -500_i64..3_000), 1..40),
            size in prop::sample::select(vec![WindowSize::QuarterHour, WindowSize::Hour, WindowSize::Day]),
        ) {
            let all: Vec<_> = parts.iter().map(|(quarter, sum)| usage("llm.input", "token", *quarter, &sum.to_string())).collect();
            let total = |size| fold(&all, january(), size, "sku").items.into_iter()
                .filter(|(slot, _)| slot.span != Span::Beside).map(|(_, costs)| costs.amount).sum::<Amount>();
            prop_assert_eq!(total(Some(size)), total(None));
        }
    }
}
