//! Usage folded into items: one per window, group and reported unit.

use crate::ask::Ask;
use crate::group::{GroupKey, Subject};
use crate::top::{Place, Weighed};
use crate::window::Windows;
use domain::aggregate::{QuarterUsage, Row, RowKey};
use domain::id::UnitId;
use domain::quantity::Sum;
use domain::time::{Quarter, Timestamp, Window};
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
    /// How many of them stand as adjustments.
    pub late: u64,
}

/// Folds the rows of a span, in any order and any grouping, into the items of an answer.
pub struct Fold<'a> {
    ask: &'a Ask,
    span: Window,
    windows: Windows<'a>,
    items: BTreeMap<(GroupKey, UnitId), BTreeMap<Window, Used>>,
}

impl<'a> Fold<'a> {
    /// An empty answer about a span of the range.
    pub fn new(ask: &'a Ask, span: Window) -> Self {
        Self { ask, span, windows: Windows::new(&ask.grid), items: BTreeMap::new() }
    }

    /// Adds rows, where they are asked for. Rows of one series stand together as they are stored: its group is found once.
    pub fn add(&mut self, rows: &[(RowKey, Row)]) {
        for series in rows.chunk_by(|(one, _), (other, _)| is_alike(one, other)) {
            self.add_series(series);
        }
    }

    fn add_series(&mut self, series: &[(RowKey, Row)]) {
        let Some((first, _)) = series.first() else { return };
        let subject = Subject::from(first);
        if !self.ask.filter.matches(&subject) {
            return;
        }
        let place = (self.ask.group_by.key(&subject), first.unit.clone());
        let items = self.items.entry(place).or_default();
        for (key, row) in series {
            for (index, usage) in row.quarters.iter().enumerate().filter(|(_, usage)| usage.count > 0) {
                let quarter = Quarter::of_hour(key.hour, index);
                let window = self.windows.of(quarter).filter(|_| self.span.contains(quarter.start()));
                if let Some(window) = window {
                    items.entry(window).or_default().merge(used(key, usage));
                }
            }
        }
    }

    /// The items in their order.
    pub fn finish(self) -> BTreeMap<Slot, Used> {
        let places = self.items.iter();
        let items =
            places.flat_map(|(place, items)| items.iter().map(|(window, used)| (slot(place, window), *used)));
        items.collect()
    }
}

/// Whether rows fall in the same group and unit, whatever is asked.
fn is_alike(one: &RowKey, other: &RowKey) -> bool {
    one.sku == other.sku && one.unit == other.unit && one.group == other.group && one.tenant == other.tenant
}

fn used(key: &RowKey, usage: &QuarterUsage) -> Used {
    let late = if key.posted.is_some() { usage.count } else { 0 };
    Used { sum: usage.sum, count: usage.count, late }
}

fn slot((group, unit): &(GroupKey, UnitId), window: &Window) -> Slot {
    let (start, end) = (window.start().seconds(), window.end().seconds());
    Slot { start, end, group: group.clone(), unit: unit.to_string() }
}

/// How many pulses of the items stand as adjustments.
pub fn late_count<'a>(items: impl IntoIterator<Item = &'a Used>) -> u64 {
    items.into_iter().map(|used| used.late).sum()
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
        self.late += other.late;
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
    use crate::group::{Filter, GroupBy};
    use crate::window::{Grid, WindowSize};
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

    fn ask(range: Window, size: Option<WindowSize>, zone: &str) -> Ask {
        let declared = BTreeSet::new();
        Ask {
            tenants: Vec::new(),
            filter: Filter::default(),
            grid: Grid::new(range, size, &Calendar::parse(zone).unwrap()),
            group_by: GroupBy::parse("sku", &declared).unwrap(),
            top: None,
        }
    }

    fn fold(
        rows: &[(RowKey, Row)],
        range: Window,
        size: Option<WindowSize>,
        zone: &str,
    ) -> BTreeMap<Slot, Used> {
        let ask = ask(range, size, zone);
        let mut fold = Fold::new(&ask, range);
        fold.add(rows);
        fold.finish()
    }

    fn hours(start: i64, end: i64) -> Window {
        Window::new(Timestamp::from_seconds(start * 3_600), Timestamp::from_seconds(end * 3_600)).unwrap()
    }

    #[test]
    fn quarters_fall_into_their_windows_and_the_range_cuts() {
        let rows =
            [row(490_000, &[(0, 1), (3, 2), (3, -5)]), row(490_001, &[(0, 7)]), row(490_002, &[(0, 100)])];
        let items = fold(&rows, hours(490_000, 490_002), Some(WindowSize::Hour), "UTC");
        let seen: Vec<(i64, String, u64)> =
            items.iter().map(|(slot, used)| (slot.start / 3_600, used.sum.to_string(), used.count)).collect();
        assert_eq!(seen, [(490_000, "-2".to_owned(), 3), (490_001, "7".to_owned(), 1)]);
        assert_eq!(late_count(items.values()), 0);
    }

    #[test]
    fn adjustments_are_in_the_answer_and_counted() {
        let (key, value) = row(490_000, &[(0, 1), (0, 1)]);
        let posted = (RowKey { posted: Period::parse("2026-02"), ..key.clone() }, value.clone());
        let items = fold(&[(key, value), posted], hours(490_000, 490_001), None, "UTC");
        assert_eq!(items.values().map(|used| used.count).collect::<Vec<_>>(), [4]);
        assert_eq!(late_count(items.values()), 2);
    }

    #[test]
    fn units_are_never_added_together() {
        let (key, value) = row(490_000, &[(0, 1)]);
        let seconds =
            (RowKey { unit: domain::id::UnitId::parse("s").unwrap(), ..key.clone() }, value.clone());
        let items = fold(&[(key, value), seconds], hours(490_000, 490_001), None, "UTC");
        assert_eq!(items.keys().map(|slot| slot.unit.as_str()).collect::<Vec<_>>(), ["h", "s"]);
    }

    #[test]
    fn a_span_cuts_within_the_hour_and_parts_of_a_range_are_the_whole() {
        let rows = [row(490_000, &[(0, 1), (1, 2), (2, 4), (3, 8)]), row(490_001, &[(0, 16)])];
        let range = hours(490_000, 490_002);
        let ask = ask(range, Some(WindowSize::QuarterHour), "UTC");
        let part = |span| {
            let mut fold = Fold::new(&ask, span);
            fold.add(&rows);
            fold.finish()
        };
        let cut = Timestamp::from_seconds(490_000 * 3_600 + 1_800);
        let before = part(Window::new(range.start(), cut).unwrap());
        let after = part(Window::new(cut, range.end()).unwrap());
        let sums = |items: &BTreeMap<Slot, Used>| {
            items.values().map(|used| used.sum.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            (sums(&before), sums(&after)),
            (vec!["1".to_owned(), "2".to_owned()], ["4", "8", "16"].map(str::to_owned).to_vec())
        );
        assert_eq!(before.into_iter().chain(after).collect::<BTreeMap<_, _>>(), part(range));
    }

    #[test]
    fn neighbours_are_one_series_only_where_nothing_tells_them_apart() {
        let (key, value) = row(490_000, &[(0, 1)]);
        let tenant = domain::id::TenantId::parse("globex").unwrap();
        let sku = domain::id::SkuId::parse("disk").unwrap();
        let unit = domain::id::UnitId::parse("s").unwrap();
        let group = domain::dimension::Group::from_canonical("region=us");
        let others = [
            RowKey { tenant, ..key.clone() },
            RowKey { sku, ..key.clone() },
            RowKey { unit, ..key.clone() },
            RowKey { group, ..key.clone() },
        ];
        let range = hours(490_000, 490_001);
        let declared = BTreeSet::from(["region".to_owned()]);
        let group_by = GroupBy::parse("tenant,sku,dim.region", &declared).unwrap();
        let ask = Ask { group_by, ..ask(range, None, "UTC") };
        for other in others {
            let mut fold = Fold::new(&ask, range);
            fold.add(&[
                (key.clone(), value.clone()),
                (other.clone(), value.clone()),
                (key.clone(), value.clone()),
            ]);
            let counts: BTreeSet<u64> = fold.finish().values().map(|used| used.count).collect();
            assert_eq!(counts, BTreeSet::from([1, 2]), "{other:?}");
        }
        let elsewhere =
            RowKey { partition: 7, hour: 490_000, posted: Period::parse("2026-02"), ..key.clone() };
        let mut fold = Fold::new(&ask, range);
        fold.add(&[(key, value.clone()), (elsewhere, value)]);
        let items = fold.finish();
        assert_eq!((items.len(), late_count(items.values())), (1, 1), "partitions and adjustments add up");
    }

    #[test]
    fn what_is_filtered_out_leaves_no_item() {
        let rows = [row(490_000, &[(0, 1)]), row(490_001, &[(2, 5)])];
        let range = hours(490_000, 490_002);
        let asked = |sku: &str| {
            let skus = [sku.to_owned()];
            let text = crate::group::FilterText { skus: &skus, ..Default::default() };
            let filter = Filter::parse(&text, &BTreeSet::new()).unwrap();
            let ask = Ask { filter, ..ask(range, None, "UTC") };
            let mut fold = Fold::new(&ask, range);
            fold.add(&rows);
            fold.finish().into_values().map(|used| used.sum.to_string()).collect::<Vec<_>>()
        };
        assert_eq!((asked("vm"), asked("disk")), (vec!["6".to_owned()], Vec::new()));
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
            let windows = fold(&rows, range, Some(size), zone);
            let expected: i64 = parts.iter().map(|(_, _, units)| units).sum();
            let sum: Sum = windows.values().map(|used| used.sum).sum();
            prop_assert_eq!(sum.to_string(), expected.to_string());
            prop_assert_eq!(windows.values().map(|used| used.count).sum::<u64>(), parts.len() as u64);
            let reversed: Vec<_> = rows.iter().rev().cloned().collect();
            prop_assert_eq!(&fold(&reversed, range, Some(size), zone), &windows);
            let total = fold(&rows, range, None, zone);
            prop_assert_eq!(total.len(), usize::from(!parts.is_empty()));
        }
    }
}
