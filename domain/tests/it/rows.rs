//! Aggregate rows: sums, counts and extremes against a plain recount, ranges, and keys.

use domain::aggregate::{RANGES_MAX, Row, RowKey, day_text, partition_key};
use domain::calendar::Period;
use domain::dimension::Group;
use domain::id::{SkuId, TenantId, UnitId};
use domain::position::{PULSES_PER_RECORD_MAX, Position};
use domain::quantity::{Quantity, Sum};
use domain::table::{AGGREGATE, CellKey, KeyValue, TableRef};
use domain::time::Quarter;
use proptest::prelude::*;

fn key() -> RowKey {
    RowKey {
        tenant: TenantId::parse("acme").unwrap(),
        sku: SkuId::parse("vm.hour").unwrap(),
        unit: UnitId::parse("h").unwrap(),
        group: Group::from_canonical("region=eu&zone=a%26b"),
        hour: 490_000,
        posted: None,
        generation: 2,
        partition: 3,
    }
}

fn quantity(atoms: i128) -> Quantity {
    Quantity::from_atoms(atoms).unwrap()
}

#[test]
fn a_new_row_is_at_the_start_and_empty() {
    let row = Row::default();
    assert_eq!((row.position, row.count(), row.ranges.len()), (Position::START, 0, 0));
    assert!(row.quarters.iter().all(|quarter| quarter.sum.is_zero() && quarter.count == 0));
}

/// The first pulse sets both extremes, also where it is above or below nothing.
#[test]
fn extremes_begin_with_the_first_pulse() {
    for atoms in [-5, 0, 5] {
        let mut row = Row::default();
        assert!(row.apply(Position::new(0, 0), Quarter::of_hour(9, 2), quantity(atoms)));
        let quarter = row.quarters[2];
        assert_eq!((quarter.min, quarter.max, quarter.count), (quantity(atoms), quantity(atoms), 1));
        assert_eq!(quarter.sum, Sum::from(quantity(atoms)));
    }
}

#[test]
fn what_is_at_or_below_a_rows_position_is_in_it_already() {
    let mut row = Row::default();
    row.apply(Position::new(7, 3), Quarter(0), quantity(1));
    let before = row.clone();
    for (offset, index) in [(7, 3), (7, 2), (6, 255), (0, 0)] {
        assert!(!row.apply(Position::new(offset, index), Quarter(1), quantity(9)), "{offset}/{index}");
        assert_eq!(row, before);
    }
    assert!(row.apply(Position::new(7, 4), Quarter(1), quantity(9)));
}

#[test]
fn ranges_name_the_records_and_join_where_they_touch() {
    let mut row = Row::default();
    for (offset, ranges) in [
        (3, vec![(3, 4)]),
        (3, vec![(3, 4)]),
        (4, vec![(3, 5)]),
        (6, vec![(3, 5), (6, 7)]),
        (7, vec![(3, 5), (6, 8)]),
        (100, vec![(3, 5), (6, 8), (100, 101)]),
    ] {
        let index = row.position.index() + usize::from(row.position.offset() == offset);
        row.apply(Position::new(offset, index), Quarter(0), quantity(1));
        assert_eq!(row.ranges, ranges, "{offset}");
    }
}

/// Offsets 0, 10, 20, … up to 630 and 632: they are one too many, and the two around the gap of two become one.
#[test]
fn of_too_many_ranges_the_two_closest_become_one() {
    let mut row = Row::default();
    let rising = (0..RANGES_MAX as u64).map(|number| number * 10);
    let offsets: Vec<u64> = rising.chain([RANGES_MAX as u64 * 10 - 8]).collect();
    for offset in &offsets {
        row.apply(Position::new(*offset, 0), Quarter(0), quantity(1));
    }
    assert_eq!(row.ranges.len(), RANGES_MAX);
    assert!(row.ranges.contains(&(630, 633)), "{:?}", row.ranges);
    assert!([(0, 1), (10, 11), (620, 621)].iter().all(|range| row.ranges.contains(range)));
}

#[test]
fn a_key_stands_in_the_partition_of_its_tenants_day() {
    let key = key();
    let cell = key.cell_key();
    assert_eq!(cell.partition[..], partition_key("acme", 490_000 / 24));
    assert_eq!(cell.partition[1], KeyValue::text("2025-11-24"));
    assert_eq!(cell.clustering[3], KeyValue::Timestamp(490_000 * 3_600_000));
    assert_eq!((cell.clustering[4].as_text(), cell.stamped_by()), (Some(""), Some((2, 3))));
    let adjusted = RowKey { posted: Period::parse("2026-02"), ..key };
    assert_eq!(adjusted.cell_key().clustering[4].as_text(), Some("2026-02"));
}

#[test]
fn the_text_of_a_day_is_its_date() {
    for (day, text) in [(0, "1970-01-01"), (-1, "1969-12-31"), (20_522, "2026-03-10"), (19_782, "2024-02-29")]
    {
        assert_eq!(day_text(day), text);
    }
}

#[test]
fn a_cell_whose_key_breaks_a_rule_is_no_row() {
    let good = key().cell_key();
    assert_eq!(RowKey::from_cell_key(&good), Some(key()));
    let with = |column: usize, value: KeyValue| {
        let mut cell = good.clone();
        cell.clustering[column] = value;
        cell
    };
    let broken = [
        CellKey { partition: [KeyValue::Int(1), KeyValue::text("x")].into(), ..good.clone() },
        CellKey { partition: [].into(), ..good.clone() },
        CellKey { partition: [KeyValue::text(""), KeyValue::text("2025-11-24")].into(), ..good.clone() },
        CellKey { clustering: good.clustering[..6].to_vec(), ..good.clone() },
        with(0, KeyValue::text("no sku")),
        with(0, KeyValue::Int(1)),
        with(1, KeyValue::text("")),
        with(2, KeyValue::Int(1)),
        with(3, KeyValue::text("10:00")),
        with(4, KeyValue::text("2026-13")),
        with(4, KeyValue::Int(0)),
        with(5, KeyValue::Int(-1)),
        with(5, KeyValue::Int(1 << 32)),
        with(6, KeyValue::text("3")),
    ];
    for cell in broken {
        assert_eq!(RowKey::from_cell_key(&cell), None, "{cell:?}");
    }
    assert_eq!(good.table, TableRef(&AGGREGATE));
}

#[test]
fn positions_are_offsets_times_256_and_the_index_after() {
    for (offset, index, raw) in [(0, 0, 1), (0, 255, 256), (1, 0, 257), (7, 41, 7 * 256 + 42)] {
        let position = Position::new(offset, index);
        assert_eq!((position.raw(), position.offset(), position.index()), (raw, offset, index));
        assert_eq!(Position::from_raw(raw), position);
    }
    assert_eq!((Position::START.raw(), Position::START.offset(), Position::START.index()), (0, 0, 0));
    assert_eq!(Position::before(u64::MAX).raw(), i64::MAX, "what no log reaches is after everything");
    assert_eq!(PULSES_PER_RECORD_MAX, 256);
}

/// Records at rising gaps, each with some pulses: gap, then (quarter, atoms) of each pulse.
fn records() -> impl Strategy<Value = Vec<(u64, Vec<(usize, i128)>)>> {
    let pulses = prop::collection::vec((0_usize..4, -1_000_000_i128..1_000_000), 1..8);
    prop::collection::vec((0_u64..4, pulses), 1..100)
}

proptest! {
    #[test]
    fn positions_order_as_records_and_places_do(one in (0_u64..1 << 50, 0_usize..256), other in (0_u64..1 << 50, 0_usize..256)) {
        let [left, right] = [one, other].map(|(offset, index)| Position::new(offset, index));
        prop_assert_eq!(left.cmp(&right), one.cmp(&other));
        prop_assert_eq!(left <= Position::before(other.0), one.0 < other.0);
        prop_assert_eq!((left.offset(), left.index()), one);
    }

    /// Against sums, counts and extremes of the plain lists; a replay from any record changes nothing.
    #[test]
    fn a_row_is_what_a_recount_says(records in records(), from in 0_usize..100) {
        let mut placed = Vec::new();
        let mut offset = 0;
        for (gap, pulses) in records {
            offset += gap + 1;
            placed.extend(pulses.into_iter().enumerate().map(|(index, pulse)| (offset, index, pulse)));
        }
        let mut row = Row::default();
        for (offset, index, (quarter, atoms)) in &placed {
            prop_assert!(row.apply(Position::new(*offset, *index), Quarter::of_hour(11, *quarter), quantity(*atoms)));
        }
        for (number, usage) in row.quarters.iter().enumerate() {
            let mine: Vec<i128> = placed.iter().filter(|(_, _, (quarter, _))| *quarter == number).map(|(_, _, (_, atoms))| *atoms).collect();
            prop_assert_eq!(usage.count, mine.len() as u64);
            prop_assert_eq!(usage.sum, Sum::from(quantity(mine.iter().sum())));
            prop_assert_eq!(usage.min.atoms(), mine.iter().copied().min().unwrap_or(0));
            prop_assert_eq!(usage.max.atoms(), mine.iter().copied().max().unwrap_or(0));
        }
        prop_assert_eq!(row.count(), placed.len() as u64);
        let last = placed.last().unwrap();
        prop_assert_eq!(row.position, Position::new(last.0, last.1));
        let before = row.clone();
        for (offset, index, (quarter, atoms)) in placed.iter().skip(from) {
            prop_assert!(!row.apply(Position::new(*offset, *index), Quarter::of_hour(11, *quarter), quantity(*atoms)));
        }
        prop_assert_eq!(row, before);
    }

    #[test]
    fn a_key_survives_its_cell(
        tenant in "[ -~]{1,60}",
        name in "[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}",
        hour in -1_000_000_i64..2_000_000,
        posted in prop::option::of(12_i32..9_998 * 12),
        place in (any::<u32>(), any::<u32>()),
    ) {
        let key = RowKey {
            tenant: TenantId::parse(&tenant).unwrap(),
            sku: SkuId::parse(&name).unwrap(),
            unit: UnitId::parse(&name).unwrap(),
            hour,
            posted: posted.and_then(Period::from_number),
            generation: place.0,
            partition: place.1,
            ..key()
        };
        prop_assert_eq!(RowKey::from_cell_key(&key.cell_key()), Some(key));
    }
}
