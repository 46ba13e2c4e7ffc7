//! Usage folded into items: one per window, group and reported unit.

use crate::group::{Filter, GroupBy, GroupKey};
use crate::top::{Place, Weighed};
use crate::window::Grid;
use domain::aggregate::{QuarterUsage, Row, RowKey};
use domain::quantity::Sum;
use domain::time::{Quarter, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where usage falls: items are listed in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Slot {
    /// The window's start, in seconds since the epoch.
    pub start: i64,
    /// Its end.
    pub end: i64,
    /// The group.
    pub group: GroupKey,
    /// The unit, as reported.
    pub unit: String,
}

/// Usage of one slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// The exact sum.
    pub sum: Sum,
    /// How many pulses.
    pub count: u64,
}

/// Folds rows, in any order and any grouping, into the items of an answer.
pub struct Fold<'a> {
    grid: &'a Grid,
    filter: &'a Filter,
    group_by: &'a GroupBy,
    items: BTreeMap<Slot, Used>,
    late_count: u64,
}

impl<'a> Fold<'a> {
    /// An empty answer.
    pub fn new(grid: &'a Grid, filter: &'a Filter, group_by: &'a GroupBy) -> Self {
        Self { grid, filter, group_by, items: BTreeMap::new(), late_count: 0 }
    }

    /// Adds a row, where it is asked for.
    pub fn add(&mut self, key: &RowKey, row: &Row) {
        if !self.filter.matches(&key.into()) {
            return;
        }
        let group = self.group_by.key(&key.into());
        for (index, usage) in row.quarters.iter().enumerate().filter(|(_, usage)| usage.count > 0) {
            self.add_quarter(key, &group, Quarter::of_hour(key.hour, index), usage);
        }
    }

    fn add_quarter(&mut self, key: &RowKey, group: &GroupKey, quarter: Quarter, usage: &QuarterUsage) {
        let Some(window) = self.grid.window_of(quarter) else { return };
        let slot = Slot {
            start: window.start().seconds(),
            end: window.end().seconds(),
            group: group.clone(),
            unit: key.unit.to_string(),
        };
        self.items.entry(slot).or_default().merge(Used { sum: usage.sum, count: usage.count });
        if key.posted.is_some() {
            self.late_count += usage.count;
        }
    }

    /// The items in their order, and how many of their pulses stand as adjustments.
    pub fn finish(self) -> (BTreeMap<Slot, Used>, u64) {
        (self.items, self.late_count)
    }
}

/// Quantities of different units are not compared.
impl Place for Slot {
    fn measure(&self) -> &str {
        &self.unit
    }

    fn group(&self) -> &GroupKey {
        &self.group
    }

    fn in_the_rest(self) -> Self {
        Self { group: GroupKey::Rest, ..self }
    }
}

impl Weighed for Used {
    type Weight = Sum;

    fn weight(&self) -> Sum {
        self.sum
    }

    fn merge(&mut self, other: Self) {
        self.sum += other.sum;
        self.count += other.count;
    }
}

impl Slot {
    /// The window's two ends.
    pub fn window(&self) -> (Timestamp, Timestamp) {
        (Timestamp::from_seconds(self.start), Timestamp::from_seconds(self.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::tests::row_key;
    use crate::window::WindowSize;
    use domain::calendar::{Calendar, Period};
    use domain::position::Position;
    use domain::quantity::Quantity;
    use domain::time::Window;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn row(hour: i64, parts: &[(usize, i64)]) -> (RowKey, Row) {
        let mut row = Row::default();
        for (offset, (quarter, units)) in (0_u64..).zip(parts) {
            let quantity = Quantity::from_integer(*units).unwrap();
            row.apply(Position::new(offset, 0), Quarter::of_hour(hour, *quarter), quantity);
        }
        (RowKey { hour, ..row_key("vm", "h", "region=eu") }, row)
    }

    fn fold(
        rows: &[(RowKey, Row)],
        range: Window,
        size: Option<WindowSize>,
        zone: &str,
    ) -> (BTreeMap<Slot, Used>, u64) {
        let grid = Grid::new(range, size, &Calendar::parse(zone).unwrap());
        let (filter, by) = (Filter::default(), GroupBy::parse("sku", &BTreeSet::new()).unwrap());
        let mut fold = Fold::new(&grid, &filter, &by);
        for (key, row) in rows {
            fold.add(key, row);
        }
        fold.finish()
    }

    fn hours(start: i64, end: i64) -> Window {
        Window::new(Timestamp::from_seconds(start * 3_600), Timestamp::from_seconds(end * 3_600)).unwrap()
    }

    #[test]
    fn quarters_fall_into_their_windows_and_the_range_cuts() {
        let rows =
            [row(490_000, &[(0, 1), (3, 2), (3, -5)]), row(490_001, &[(0, 7)]), row(490_002, &[(0, 100)])];
        let (items, late) = fold(&rows, hours(490_000, 490_002), Some(WindowSize::Hour), "UTC");
        let seen: Vec<(i64, String, u64)> =
            items.iter().map(|(slot, used)| (slot.start / 3_600, used.sum.to_string(), used.count)).collect();
        assert_eq!(seen, [(490_000, "-2".to_owned(), 3), (490_001, "7".to_owned(), 1)]);
        assert_eq!(late, 0);
    }

    #[test]
    fn adjustments_are_in_the_answer_and_counted() {
        let (key, value) = row(490_000, &[(0, 1), (0, 1)]);
        let posted = (RowKey { posted: Period::parse("2026-02"), ..key.clone() }, value.clone());
        let (items, late) = fold(&[(key, value), posted], hours(490_000, 490_001), None, "UTC");
        assert_eq!(items.values().map(|used| used.count).collect::<Vec<_>>(), [4]);
        assert_eq!(late, 2);
    }

    #[test]
    fn units_are_never_added_together() {
        let (key, value) = row(490_000, &[(0, 1)]);
        let seconds =
            (RowKey { unit: domain::id::UnitId::parse("s").unwrap(), ..key.clone() }, value.clone());
        let (items, _) = fold(&[(key, value), seconds], hours(490_000, 490_001), None, "UTC");
        assert_eq!(items.keys().map(|slot| slot.unit.as_str()).collect::<Vec<_>>(), ["h", "s"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn windows_of_any_size_and_zone_add_up_to_the_total(
            parts in prop::collection::vec((0_i64..1_500, 0_usize..4, -1_000_i64..1_000), 0..120),
            size in prop::sample::select(vec![WindowSize::QuarterHour, WindowSize::Hour, WindowSize::Day, WindowSize::Month]),
            zone in prop::sample::select(vec!["UTC", "Asia/Kathmandu", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"]),
        ) {
            // From 2026-02-12 on: the changes of all these clocks to or from summer time lie within.
            let first = 491_904;
            let rows: Vec<_> = parts.iter().map(|(hour, quarter, units)| row(first + hour, &[(*quarter, *units)])).collect();
            let range = hours(first, first + 1_500);
            let (windows, _) = fold(&rows, range, Some(size), zone);
            let expected: i64 = parts.iter().map(|(_, _, units)| units).sum();
            let sum: Sum = windows.values().map(|used| used.sum).sum();
            prop_assert_eq!(sum.to_string(), expected.to_string());
            prop_assert_eq!(windows.values().map(|used| used.count).sum::<u64>(), parts.len() as u64);
            let (total, _) = fold(&rows, range, None, zone);
            prop_assert_eq!(total.len(), usize::from(!parts.is_empty()));
        }
    }
}
