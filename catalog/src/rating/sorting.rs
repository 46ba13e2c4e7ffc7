//! Which usage falls under which price.

use super::series::Series;
use super::{Account, Segment, UsageQuarter};
use crate::plan::{PlanVersion, PriceDef};
use domain::calendar::Period;
use domain::dimension::Group;
use domain::id::{ContractId, PriceId, SkuId, UnitId};
use domain::unit::Units;
use std::collections::{BTreeMap, HashMap};

/// Usage that no price holds for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpriced {
    /// The usage.
    pub usage: UsageQuarter,
    /// Why.
    pub reason: UnpricedReason,
}

/// Why usage has no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnpricedReason {
    /// The tenant had no contract then.
    NoContract,
    /// The contract's plan had no price for it then.
    NoPrice,
}

impl UnpricedReason {
    /// The outward name: `NO_PRICE`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoContract => "NO_CONTRACT",
            Self::NoPrice => "NO_PRICE",
        }
    }
}

/// What one price matches in the month the usage belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EntryKey {
    pub(crate) origin: Period,
    pub(crate) contract: ContractId,
    pub(crate) plan_version: u32,
    pub(crate) price: PriceId,
}

/// The usage of one price.
#[derive(Clone, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) version: &'a PlanVersion,
    pub(crate) price: &'a PriceDef,
    /// Billed in its own month or in one before the month that is rated.
    pub(crate) earlier: Series,
    /// Of an earlier month, billed in the month that is rated.
    pub(crate) late: Series,
}

/// All usage that the rating of a month needs, by price.
pub(crate) struct Sorted<'a> {
    pub(crate) entries: BTreeMap<EntryKey, Entry<'a>>,
    pub(crate) unpriced: Vec<Unpriced>,
}

/// Sorts usage for the rating of `period`. Usage that is billed later, or belongs to a later month, is left out.
pub(crate) fn sort<'a>(
    account: &'a Account,
    units: &Units,
    period: Period,
    usage: &[UsageQuarter],
) -> Sorted<'a> {
    let mut sorted = Sorted { entries: minimums(account, period), unpriced: Vec::new() };
    let mut matcher = Matcher { segments: &account.segments, units, known: HashMap::new() };
    for row in usage {
        let origin = account.calendar.period_of(row.quarter.start());
        if origin > period || row.posted > Some(period) {
            continue;
        }
        let late = origin < period && row.posted == Some(period);
        match matcher.find(row) {
            Ok((contract, version, price)) => {
                let key = EntryKey::new(origin, contract, version, price);
                let entry = sorted.entries.entry(key).or_insert_with(|| Entry::new(version, price));
                if late { entry.late.add(row) } else { entry.earlier.add(row) }
            }
            Err(reason) if late || origin == period => {
                sorted.unpriced.push(Unpriced { usage: row.clone(), reason });
            }
            Err(_) => {}
        }
    }
    sorted
}

/// A minimum is owed whether or not anything was used: each such price has an entry from the start.
fn minimums(account: &Account, period: Period) -> BTreeMap<EntryKey, Entry<'_>> {
    let month = account.calendar.window_of(period);
    let mut entries = BTreeMap::new();
    for segment in account.segments.iter().filter(|segment| segment.window.intersection(&month).is_some()) {
        let Some(version) = segment.version.as_deref() else { continue };
        for price in version.plan.prices().iter().filter(|price| price.minimum.is_some()) {
            entries
                .insert(EntryKey::new(period, &segment.contract, version, price), Entry::new(version, price));
        }
    }
    entries
}

impl EntryKey {
    fn new(origin: Period, contract: &ContractId, version: &PlanVersion, price: &PriceDef) -> Self {
        Self { origin, contract: contract.clone(), plan_version: version.number, price: price.id.clone() }
    }
}

impl<'a> Entry<'a> {
    fn new(version: &'a PlanVersion, price: &'a PriceDef) -> Self {
        Self { version, price, earlier: Series::default(), late: Series::default() }
    }
}

type Match<'a> = Result<(&'a ContractId, &'a PlanVersion, &'a PriceDef), UnpricedReason>;

/// Finds prices, each kind of usage once a segment.
struct Matcher<'a, 'u> {
    segments: &'a [Segment],
    units: &'u Units,
    known: HashMap<(usize, SkuId, Group, UnitId), Match<'a>>,
}

impl<'a> Matcher<'a, '_> {
    fn find(&mut self, row: &UsageQuarter) -> Match<'a> {
        let start = row.quarter.start();
        let holds = self.segments.iter().position(|segment| segment.window.contains(start));
        let index = holds.ok_or(UnpricedReason::NoContract)?;
        let kind = (index, row.sku.clone(), row.group.clone(), row.unit.clone());
        let (segment, units) = (&self.segments[index], self.units);
        *self.known.entry(kind).or_insert_with(|| price_of(segment, units, row))
    }
}

fn price_of<'a>(segment: &'a Segment, units: &Units, row: &UsageQuarter) -> Match<'a> {
    let version = segment.version.as_deref().ok_or(UnpricedReason::NoPrice)?;
    let price = version.plan.find_price(&row.sku, &row.group);
    let price = price.filter(|price| units.conversion(&row.unit, &price.unit).is_some());
    Ok((&segment.contract, version, price.ok_or(UnpricedReason::NoPrice)?))
}
