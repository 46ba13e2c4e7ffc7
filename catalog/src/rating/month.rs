//! A tenant's month, rated: its charges, and the usage that has no price.

use super::UsageQuarter;
use super::cost::{Cost, costs};
use super::reckoning::Reckoning;
use super::segment::Segment;
use super::series::{Meter, Series};
use super::sorting::{Entry, EntryKey, Unpriced, sort};
use crate::charge::{Charge, ChargeKey, Charges};
use crate::plan::PriceDef;
use domain::calendar::{Calendar, Period};
use domain::id::TenantId;
use domain::money::Amount;
use domain::unit::Units;

/// By what a tenant is billed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Who pays.
    pub tenant: TenantId,
    /// Which instants a month holds.
    pub calendar: Calendar,
    /// The segments of all the tenant's contracts; no two overlap.
    pub segments: Vec<Segment>,
}

/// A month, rated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Month {
    /// Whose it is.
    pub tenant: TenantId,
    /// Which it is.
    pub period: Period,
    /// Its charges in the order of their keys.
    pub rated: Vec<Rated>,
    /// Usage without a price, in the order it came.
    pub unpriced: Vec<Unpriced>,
}

/// A charge with the usage it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rated {
    /// What is owed.
    pub charge: Charge,
    /// Under which price.
    pub price: PriceDef,
    meter: Meter,
    series: Series,
}

/// Rates a month. `usage` holds all of that month and, where some of an earlier month is billed in it, all of that month
/// too; its order does not matter, and what is billed later or belongs elsewhere is left out. The same values always
/// give the same month.
pub fn rate_month(account: &Account, units: &Units, period: Period, usage: &[UsageQuarter]) -> Month {
    let sorted = sort(account, units, period, usage);
    let biller = Biller { account, units, period };
    let entries = sorted.entries.into_iter();
    let mut rated: Vec<Rated> = entries.filter_map(|(key, entry)| biller.bill(key, entry)).collect();
    rated.sort_by(|one, other| one.charge.key.cmp(&other.charge.key));
    Month { tenant: account.tenant.clone(), period, rated, unpriced: sorted.unpriced }
}

impl Month {
    /// Its charges, for their cell.
    pub fn charges(&self) -> Charges {
        let charges = self.rated.iter().map(|rated| rated.charge.clone()).collect();
        Charges { tenant: self.tenant.clone(), period: self.period, charges }
    }
}

impl Rated {
    /// What each quarter and group of its usage cost, in the order of time; none of an adjustment.
    pub fn costs(&self) -> Vec<Cost> {
        costs(&self.price, &self.meter, &self.series)
    }

    /// What all windows of its usage cost together.
    pub fn usage_amount(&self) -> Amount {
        let quantity = self.meter.quantity(self.meter.count(&self.series.total()));
        Reckoning::of_usage(&self.price, &quantity).amount_unrounded()
    }

    /// What it costs beside its usage, which belongs to no window: a shortfall to a minimum, an adjustment.
    pub fn amount_without_window(&self) -> Amount {
        self.charge.amount_unrounded.clone() - self.usage_amount()
    }
}

/// Turns sorted usage into charges.
struct Biller<'a> {
    account: &'a Account,
    units: &'a Units,
    period: Period,
}

impl Biller<'_> {
    /// The charge of an entry; none where it is of an earlier month and nothing of it is billed in this one.
    fn bill(&self, key: EntryKey, entry: Entry<'_>) -> Option<Rated> {
        let (earlier, late) = (entry.earlier.total(), entry.late.total());
        let meter = Meter::new(self.units, &entry.price.unit, earlier.keys().chain(late.keys()).collect());
        let (earlier, late) = (meter.count(&earlier), meter.count(&late));
        let known = Reckoning::of_month(entry.price, &meter.quantity(&earlier + late));
        let currency = entry.version.plan.currency();
        if key.origin == self.period {
            let bill = Bill { adjusts: None, amount: known.amount_in(currency), reckoning: known };
            let charge = self.charge(key, &entry, bill);
            return Some(Rated { charge, price: entry.price.clone(), meter, series: entry.earlier });
        }
        if entry.late.is_empty() {
            return None;
        }
        let billed = Reckoning::of_month(entry.price, &meter.quantity(earlier));
        let amount = known.amount_in(currency) - billed.amount_in(currency);
        let reckoning = Reckoning::of_adjustment(key.origin, &known, &billed);
        let bill = Bill { adjusts: Some(key.origin), amount, reckoning };
        let charge = self.charge(key, &entry, bill);
        Some(Rated { charge, price: entry.price.clone(), meter, series: Series::default() })
    }

    fn charge(&self, key: EntryKey, entry: &Entry<'_>, bill: Bill) -> Charge {
        let key = ChargeKey {
            tenant: self.account.tenant.clone(),
            period: self.period,
            contract: key.contract,
            plan: entry.version.plan.id().clone(),
            plan_version: key.plan_version,
            price: key.price,
            adjusts: bill.adjusts,
        };
        Charge {
            key,
            quantity: bill.reckoning.quantity_rounded(),
            unit: entry.price.unit.clone(),
            lines: bill.reckoning.lines(),
            amount_unrounded: bill.reckoning.amount_unrounded(),
            amount: bill.amount,
            currency: entry.version.plan.currency(),
        }
    }
}

/// A reckoning with what it comes to.
struct Bill {
    adjusts: Option<Period>,
    reckoning: Reckoning,
    amount: Amount,
}

#[cfg(test)]
mod naive;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
