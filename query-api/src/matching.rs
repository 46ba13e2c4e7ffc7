//! Which charge usage is part of: what rating decides for the quarters of one row.

use catalog::billing::account_of;
use catalog::charge::ChargeKey;
use catalog::rating::{Account, UnpricedReason};
use catalog::state::State;
use domain::aggregate::RowKey;
use domain::id::TenantId;
use domain::time::Quarter;

/// Tells charges of a tenant's usage.
pub struct Matching<'a> {
    state: &'a State,
    account: Account,
}

impl<'a> Matching<'a> {
    /// As the catalogue stands.
    pub fn new(state: &'a State, tenant: &TenantId) -> Self {
        Self { state, account: account_of(state, tenant) }
    }

    /// The charge that a quarter of a row is part of, or why it has none.
    pub fn charge_of(&self, row: &RowKey, quarter: Quarter) -> Result<ChargeKey, UnpricedReason> {
        let start = quarter.start();
        let segment = self.account.segments.iter().find(|segment| segment.window.contains(start));
        let segment = segment.ok_or(UnpricedReason::NoContract)?;
        let version = segment.version.as_deref().ok_or(UnpricedReason::NoPrice)?;
        let price = version.plan.find_price(&row.sku, &row.group);
        let units = self.state.conversions();
        let counts = |unit| units.conversion(&row.unit, unit).is_some();
        let price = price.filter(|price| counts(&price.unit)).ok_or(UnpricedReason::NoPrice)?;
        let origin = self.account.calendar.period_of(start);
        Ok(ChargeKey {
            tenant: row.tenant.clone(),
            period: row.posted.unwrap_or(origin),
            contract: segment.contract.clone(),
            plan: version.plan.id().clone(),
            plan_version: version.number,
            price: price.id.clone(),
            adjusts: row.posted.map(|_| origin),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::House;
    use catalog::billing::rate_stored_month;
    use catalog::usage::read_usage;
    use domain::calendar::Period;
    use domain::decimal::Decimal;
    use domain::quantity::Sum;
    use std::collections::BTreeMap;

    /// Sums of what is matched, and the charges that rating makes of the same rows: both are 12.5, and 7 stand alone.
    #[tokio::test]
    async fn what_is_matched_adds_up_to_what_rating_says() {
        let house = House::furnished().await;
        house
            .count(&[
                ("acme", "llm.input", "token", "2026-03-01T10:00:00Z", "5"),
                ("acme", "llm.input", "token", "2026-03-31T23:59:00Z", "7.5"),
                ("acme", "llm.input", "h", "2026-03-05T00:00:00Z", "7"),
                ("acme", "disk", "GB", "2026-03-05T00:00:00Z", "7"),
            ])
            .await;
        let (state, period) = (house.view.state(), Period::parse("2026-03").unwrap());
        let acme = TenantId::parse("acme").unwrap();
        let window = state.calendar_of(&acme).window_of(period);
        let matching = Matching::new(&state, &acme);
        let mut sums = BTreeMap::<Result<ChargeKey, UnpricedReason>, Sum>::new();
        for (key, row) in read_usage(&*house.store, &acme, window).await.unwrap() {
            for (index, usage) in row.quarters.iter().enumerate().filter(|(_, usage)| usage.count > 0) {
                let charge = matching.charge_of(&key, Quarter::of_hour(key.hour, index));
                *sums.entry(charge).or_default() += usage.sum;
            }
        }
        let month = rate_stored_month(&*house.store, &state, &acme, period).await.unwrap();
        assert_eq!(month.rated.len(), 1);
        let charge = &month.rated[0].charge;
        assert_eq!(charge.quantity, Decimal::parse("12.5").unwrap());
        let shown: Vec<_> = sums.values().map(Sum::to_string).collect();
        assert_eq!(shown, ["12.5", "14"]);
        assert_eq!(sums.keys().next().unwrap(), &Ok(charge.key.clone()));
        assert_eq!(sums.keys().last().unwrap(), &Err(UnpricedReason::NoPrice));
    }

    #[tokio::test]
    async fn late_usage_is_part_of_the_charge_it_adjusts() {
        let house = House::furnished().await;
        let state = house.view.state();
        let acme = TenantId::parse("acme").unwrap();
        let matching = Matching::new(&state, &acme);
        let row = |posted| RowKey { posted, ..crate::group::tests::row_key("llm.input", "token", "") };
        let quarter = crate::testing::at("2026-02-28T23:45:00Z").quarter();
        let own = matching.charge_of(&row(None), quarter).unwrap();
        assert_eq!((own.period.to_string(), own.adjusts), ("2026-02".to_owned(), None));
        let late = matching.charge_of(&row(Period::parse("2026-04")), quarter).unwrap();
        assert_eq!((late.period.to_string(), late.adjusts), ("2026-04".to_owned(), Some(own.period)));
        let before = crate::testing::at("2025-12-31T23:45:00Z").quarter();
        assert_eq!(matching.charge_of(&row(None), before), Err(UnpricedReason::NoContract));
    }
}
