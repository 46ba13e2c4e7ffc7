//! Aggregate rows: usage of one hour, by quarter, as absolute values.

use crate::calendar::Period;
use crate::dimension::Group;
use crate::id::{SkuId, TenantId, UnitId};
use crate::position::Position;
use crate::quantity::{Quantity, Sum};
use crate::table::{AGGREGATE, CellKey, KeyValue};
use crate::time::{Quarter, Timestamp};

/// The most offset ranges a row keeps apart.
pub const RANGES_MAX: usize = 64;

/// The key of an aggregate row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowKey {
    /// Who pays.
    pub tenant: TenantId,
    /// What was used.
    pub sku: SkuId,
    /// Of which unit, as reported.
    pub unit: UnitId,
    /// The declared dimensions.
    pub group: Group,
    /// The UTC hour, counted from the epoch.
    pub hour: i64,
    /// The period an adjustment is billed in; `None` for usage of an open period.
    pub posted: Option<Period>,
    /// The log's generation.
    pub generation: u32,
    /// The partition within.
    pub partition: u32,
}

/// The text of a UTC day in keys: `2026-01-31`.
pub fn day_text(day: i64) -> String {
    let start = Timestamp::from_seconds(day.saturating_mul(86_400));
    start.to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

impl RowKey {
    /// The key's cell.
    pub fn cell_key(&self) -> CellKey {
        let posted = self.posted.map_or_else(String::new, |period| period.to_string());
        CellKey::new(
            &AGGREGATE,
            partition_key(self.tenant.as_str(), self.hour.div_euclid(24)),
            vec![
                KeyValue::Text(self.sku.to_shared()),
                KeyValue::Text(self.unit.to_shared()),
                KeyValue::Text(self.group.to_shared()),
                KeyValue::time(Timestamp::from_seconds(self.hour * 3_600)),
                KeyValue::text(&posted),
                self.generation.into(),
                self.partition.into(),
            ],
        )
    }

    /// The row key of a cell of the table. `None`: the cell's key breaks a rule.
    pub fn from_cell_key(key: &CellKey) -> Option<Self> {
        let tenant = key.partition.first()?.as_shared()?;
        let [sku, unit, group, hour, posted, generation, partition] = key.clustering.as_slice() else {
            return None;
        };
        let posted = match posted.as_text()? {
            "" => None,
            text => Some(Period::parse(text)?),
        };
        Some(Self {
            tenant: TenantId::parse_shared(tenant).ok()?,
            sku: SkuId::parse_shared(sku.as_shared()?).ok()?,
            unit: UnitId::parse_shared(unit.as_shared()?).ok()?,
            group: Group::from_shared(group.as_shared()?),
            hour: Timestamp::from_millis(hour.as_int()?).hour(),
            posted,
            generation: u32::try_from(generation.as_int()?).ok()?,
            partition: u32::try_from(partition.as_int()?).ok()?,
        })
    }
}

/// The partition key of a tenant's day.
pub fn partition_key(tenant: &str, day: i64) -> Vec<KeyValue> {
    vec![KeyValue::text(tenant), KeyValue::text(&day_text(day))]
}

/// Usage of one quarter of an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuarterUsage {
    /// The exact sum.
    pub sum: Sum,
    /// How many pulses.
    pub count: u64,
    /// The smallest, where there is one.
    pub min: Quantity,
    /// The largest, where there is one.
    pub max: Quantity,
}

impl QuarterUsage {
    fn add(&mut self, quantity: Quantity) {
        self.min = if self.count == 0 { quantity } else { self.min.min(quantity) };
        self.max = if self.count == 0 { quantity } else { self.max.max(quantity) };
        self.sum += quantity;
        self.count += 1;
    }
}

/// The value of a row: a pure function of its key and the log up to its position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// The last pulse that changed it, which is also its write timestamp.
    pub position: Position,
    /// The hour's quarters.
    pub quarters: [QuarterUsage; 4],
    /// The half-open offset ranges it drew from, rising, at most [`RANGES_MAX`].
    pub ranges: Vec<(u64, u64)>,
}

impl Row {
    /// Adds a pulse, once: only positions above the row's own change it. Says whether it did.
    pub fn apply(&mut self, position: Position, quarter: Quarter, quantity: Quantity) -> bool {
        if position <= self.position {
            return false;
        }
        self.position = position;
        self.quarters[quarter.index()].add(quantity);
        self.draw_from(position.offset());
        true
    }

    /// How many pulses it holds.
    pub fn count(&self) -> u64 {
        self.quarters.iter().map(|quarter| quarter.count).sum()
    }

    fn draw_from(&mut self, offset: u64) {
        match self.ranges.last_mut() {
            Some((_, end)) if *end == offset + 1 => {}
            Some((_, end)) if *end == offset => *end += 1,
            _ => self.ranges.push((offset, offset + 1)),
        }
        if self.ranges.len() > RANGES_MAX {
            let gap = |index: &usize| self.ranges[index + 1].0 - self.ranges[*index].1;
            let closest =
                (0..self.ranges.len() - 1).min_by_key(gap).expect("more than 64 ranges are at least two");
            let (_, end) = self.ranges.remove(closest + 1);
            self.ranges[closest].1 = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn quantity(text: &str) -> Quantity {
        Quantity::parse(text).unwrap()
    }

    #[test]
    fn a_row_takes_each_position_once_and_keeps_extremes() {
        let mut row = Row::default();
        assert!(row.apply(Position::new(0, 0), Quarter::of_hour(5, 1), quantity("2")));
        assert!(row.apply(Position::new(0, 1), Quarter::of_hour(5, 1), quantity("-0.5")));
        assert!(!row.apply(Position::new(0, 1), Quarter::of_hour(5, 1), quantity("9")));
        assert!(row.apply(Position::new(1, 0), Quarter::of_hour(5, 3), quantity("1")));
        let second = row.quarters[1];
        assert_eq!((second.sum.to_string().as_str(), second.count), ("1.5", 2));
        assert_eq!((second.min, second.max), (quantity("-0.5"), quantity("2")));
        assert_eq!(row.ranges, [(0, 2)]);
        assert_eq!(row.count(), 3);
    }

    #[test]
    fn keys_survive_their_cell() {
        let key = RowKey {
            tenant: TenantId::parse("acme").unwrap(),
            sku: SkuId::parse("vm.hour").unwrap(),
            unit: UnitId::parse("h").unwrap(),
            group: Group::from_canonical("region=eu"),
            hour: 490_000,
            posted: Period::parse("2026-02"),
            generation: 1,
            partition: 3,
        };
        let read = RowKey::from_cell_key(&key.cell_key()).unwrap();
        assert_eq!(read, key);
        assert!(Arc::ptr_eq(&read.sku.to_shared(), &key.sku.to_shared()), "texts are shared, not copied");
        assert!(Arc::ptr_eq(&read.group.to_shared(), &key.group.to_shared()));
        assert_eq!(key.cell_key().stamped_by(), Some((1, 3)));
        assert_eq!(day_text(0), "1970-01-01");
    }

    proptest! {
        #[test]
        fn ranges_stay_bounded_sorted_and_cover_every_offset(gaps in prop::collection::vec(0_u64..5, 1..300)) {
            let mut row = Row::default();
            let mut offset = 0;
            let mut offsets = Vec::new();
            for gap in gaps {
                offset += gap;
                row.apply(Position::new(offset, 0), Quarter(0), quantity("1"));
                offsets.push(offset);
            }
            prop_assert!(row.ranges.len() <= RANGES_MAX);
            prop_assert!(row.ranges.windows(2).all(|pair| pair[0].1 < pair[1].0));
            prop_assert!(offsets.iter().all(|offset| row.ranges.iter().any(|(start, end)| start <= offset && offset < end)));
        }
    }
}
