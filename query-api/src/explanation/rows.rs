//! The rows that a charge is rated from.

use super::Totals;
use crate::matching::Matching;
use catalog::charge::{Charge, ChargeKey};
use catalog::state::State;
use catalog::usage::read_usage;
use domain::aggregate::{Row, RowKey};
use domain::decimal::Decimal;
use domain::port::{CellStore, StoreError};
use domain::time::Quarter;
use domain::unit::Units;
use num_rational::BigRational;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Places of a written quantity.
const PLACES: u32 = 12;

/// What tells the rows of one tenant apart, in the order they are walked: by rising hour.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RowPlace {
    /// Hours since 1970.
    pub hour: i64,
    /// What was used.
    pub sku: String,
    /// Of which unit.
    pub unit: String,
    /// The declared dimensions.
    pub group: String,
    /// The log's generation.
    pub generation: u32,
    /// The partition within.
    pub partition: u32,
}

/// A row, and which of its quarters the charge is for.
#[derive(Clone, Debug)]
pub struct ChargedRow {
    /// Its key.
    pub key: RowKey,
    /// Its sums.
    pub row: Row,
    /// Whether each quarter is the charge's.
    pub quarters: [bool; 4],
}

/// The rows of a charge.
pub struct Rows(BTreeMap<RowPlace, ChargedRow>);

impl Rows {
    /// Those of the charge's own month, or of the closed month it adjusts.
    pub async fn read(store: &dyn CellStore, state: &State, of: &ChargeKey) -> Result<Self, StoreError> {
        let origin = of.adjusts.unwrap_or(of.period);
        let window = state.calendar_of(&of.tenant).window_of(origin);
        let matching = Matching::new(state, &of.tenant);
        let mut rows = BTreeMap::new();
        for (key, row) in read_usage(store, &of.tenant, window).await? {
            let is_charged = |index: usize| {
                let quarter = Quarter::of_hour(key.hour, index);
                row.quarters[index].count > 0
                    && window.contains(quarter.start())
                    && matching.charge_of(&key, quarter).is_ok_and(|charge| charge == *of)
            };
            let quarters = std::array::from_fn(is_charged);
            if quarters.contains(&true) {
                rows.insert(RowPlace::from(&key), ChargedRow { key, row, quarters });
            }
        }
        Ok(Self(rows))
    }

    /// From one on.
    pub fn from(&self, place: Option<&RowPlace>) -> impl Iterator<Item = (&RowPlace, &ChargedRow)> {
        self.0.iter().filter(move |(one, _)| place.is_none_or(|place| *one >= place))
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Sums and counts by reported unit.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::new();
        for charged in self.0.values() {
            let (sum, count) = totals.entry(charged.key.unit.clone()).or_default();
            for (usage, _) in charged.row.quarters.iter().zip(charged.quarters).filter(|(_, ours)| *ours) {
                *sum += usage.sum;
                *count += usage.count;
            }
        }
        totals
    }

    /// Whether the sums, in the charge's unit, are its quantity.
    pub fn agree(&self, units: &Units, charge: &Charge) -> bool {
        let factor = |unit| units.conversion(unit, &charge.unit).unwrap_or_default();
        let quantity: BigRational =
            self.totals().iter().map(|(unit, (sum, _))| sum.to_rational() * factor(unit)).sum();
        Decimal::round_half_even(&quantity, PLACES) == charge.quantity
    }
}

impl From<&RowKey> for RowPlace {
    fn from(key: &RowKey) -> Self {
        Self {
            hour: key.hour,
            sku: key.sku.to_string(),
            unit: key.unit.to_string(),
            group: key.group.as_str().to_owned(),
            generation: key.generation,
            partition: key.partition,
        }
    }
}
