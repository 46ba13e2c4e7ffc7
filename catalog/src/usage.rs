//! Usage as it is counted: the aggregate rows of a tenant, and what they say of quarters of an hour.

use crate::rating::UsageQuarter;
use domain::aggregate::{Row, RowKey, partition_key};
use domain::id::TenantId;
use domain::port::{CellStore, Query, StoreError, read_all};
use domain::table::{AGGREGATE, Cell, KeyValue};
use domain::time::{Quarter, Timestamp, Window};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use proto::blob::Blob;

/// How many days are read at once.
const DAYS_AT_ONCE: usize = 8;
const HOUR_SECONDS: i64 = 3_600;

/// The rows of all hours that the window touches, in the order of days. A cell that is not what was written is an error.
pub async fn read_usage(
    store: &dyn CellStore,
    tenant: &TenantId,
    window: Window,
) -> Result<Vec<(RowKey, Row)>, StoreError> {
    read_days(store, tenant.clone(), window).try_concat().await
}

/// The same rows a day at a time, for whom needs each only once: a year of them takes no more memory than a week.
pub fn read_days(
    store: &dyn CellStore,
    tenant: TenantId,
    window: Window,
) -> BoxStream<'_, Result<Vec<(RowKey, Row)>, StoreError>> {
    let days = stream::iter(window.days()).map(move |day| read_day(store, tenant.clone(), day, window));
    days.buffered(DAYS_AT_ONCE).boxed()
}

/// What rows say of the quarters within the window; quarters without pulses are left out.
pub fn quarters<'a>(
    rows: impl IntoIterator<Item = &'a (RowKey, Row)>,
    window: Window,
) -> impl Iterator<Item = UsageQuarter> {
    let all = rows.into_iter().flat_map(|(key, row)| (0..4).map(move |index| usage_quarter(key, row, index)));
    all.filter(move |usage| usage.count > 0 && window.contains(usage.quarter.start()))
}

fn usage_quarter(key: &RowKey, row: &Row, index: usize) -> UsageQuarter {
    UsageQuarter {
        sku: key.sku.clone(),
        unit: key.unit.clone(),
        group: key.group.clone(),
        quarter: Quarter::of_hour(key.hour, index),
        posted: key.posted,
        sum: row.quarters[index].sum,
        count: row.quarters[index].count,
    }
}

async fn read_day(
    store: &dyn CellStore,
    tenant: TenantId,
    day: i64,
    window: Window,
) -> Result<Vec<(RowKey, Row)>, StoreError> {
    let cells = read_all(store, Query::all(&AGGREGATE, partition_key(tenant.as_str(), day))).await?;
    let mut rows = Vec::with_capacity(cells.len());
    for cell in &cells {
        rows.extend(decode(cell, window)?);
    }
    Ok(rows)
}

/// The row of a cell; `None`: the window does not touch its hour, and its value is not looked at.
fn decode(cell: &Cell, window: Window) -> Result<Option<(RowKey, Row)>, StoreError> {
    let damaged = || StoreError::Damaged { table: AGGREGATE.name, key: display(cell) };
    let key = RowKey::from_cell_key(&cell.key).ok_or_else(damaged)?;
    if !touches(key.hour, window) {
        return Ok(None);
    }
    let row = Row::from_blob(&cell.value).map_err(|_| damaged())?;
    Ok(Some((key, row)))
}

fn display(cell: &Cell) -> String {
    let values = cell.key.partition.iter().chain(&cell.key.clustering);
    let text = |value: &KeyValue| match value {
        KeyValue::Text(text) => text.to_string(),
        KeyValue::Int(number) => number.to_string(),
        KeyValue::Timestamp(millis) => Timestamp::from_millis(*millis).to_string(),
        KeyValue::Blob(bytes) => format!("{bytes:?}"),
    };
    values.map(text).collect::<Vec<_>>().join("/")
}

fn touches(hour: i64, window: Window) -> bool {
    let start = Timestamp::from_seconds(hour.saturating_mul(HOUR_SECONDS));
    Window::new(start, start.plus_seconds(HOUR_SECONDS))
        .is_some_and(|hour| hour.intersection(&window).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::*;
    use backends::memory::MemoryStore;
    use domain::position::Position;
    use domain::quantity::Quantity;

    async fn write(store: &MemoryStore, (key, row): (RowKey, Row)) {
        let cell = Cell { key: key.cell_key(), timestamp: row.position.raw(), value: row.to_blob() };
        store.write(vec![cell]).await.unwrap();
    }

    fn window(start: &str, end: &str) -> Window {
        Window::new(at(start), at(end)).unwrap()
    }

    #[tokio::test]
    async fn rows_of_every_hour_the_window_touches_are_read_over_days() {
        let store = MemoryStore::new();
        for hour in
            ["2026-03-01T22:00:00Z", "2026-03-01T23:00:00Z", "2026-03-02T00:00:00Z", "2026-03-04T01:00:00Z"]
        {
            write(&store, tokens("acme", hour, 1)).await;
            write(&store, tokens("globex", hour, 1)).await;
        }
        let acme = TenantId::parse("acme").unwrap();
        let rows =
            read_usage(&store, &acme, window("2026-03-01T23:30:00Z", "2026-03-04T01:15:00Z")).await.unwrap();
        let hours: Vec<_> =
            rows.iter().map(|(key, _)| Timestamp::from_seconds(key.hour * 3_600).to_string()).collect();
        assert_eq!(hours, ["2026-03-01T23:00:00Z", "2026-03-02T00:00:00Z", "2026-03-04T01:00:00Z"]);
        assert!(rows.iter().all(|(key, _)| key.tenant == acme));
    }

    #[tokio::test]
    async fn days_come_one_by_one_in_their_order_and_are_the_whole() {
        let store = MemoryStore::new();
        for hour in ["2026-03-04T01:00:00Z", "2026-03-01T22:00:00Z", "2026-03-01T03:00:00Z"] {
            write(&store, tokens("acme", hour, 1)).await;
        }
        let (acme, week) =
            (TenantId::parse("acme").unwrap(), window("2026-03-01T00:00:00Z", "2026-03-08T00:00:00Z"));
        let days: Vec<_> = read_days(&store, acme.clone(), week).try_collect().await.unwrap();
        assert_eq!(days.iter().map(Vec::len).collect::<Vec<_>>(), [2, 0, 0, 1, 0, 0, 0]);
        assert_eq!(days.concat(), read_usage(&store, &acme, week).await.unwrap());
    }

    #[tokio::test]
    async fn a_cell_that_is_not_what_was_written_is_named() {
        let store = MemoryStore::new();
        let (key, row) = tokens("acme", "2026-03-01T22:00:00Z", 1);
        let cell = Cell { key: key.cell_key(), timestamp: row.position.raw(), value: b"?".as_slice().into() };
        store.write(vec![cell]).await.unwrap();
        let before = window("2026-03-01T00:00:00Z", "2026-03-01T22:00:00Z");
        assert_eq!(read_usage(&store, &key.tenant, before).await, Ok(Vec::new()), "nobody asked for it");
        let error = read_usage(&store, &key.tenant, window("2026-03-01T00:00:00Z", "2026-03-01T22:15:00Z"));
        let error = error.await.unwrap_err();
        let key = "acme/2026-03-01/llm.input/token//2026-03-01T22:00:00Z//1/0".to_owned();
        assert_eq!(error, StoreError::Damaged { table: "aggregate", key });
    }

    #[test]
    fn quarters_are_those_within_the_window_that_hold_pulses() {
        let (key, mut row) = tokens("acme", "2026-03-01T22:00:00Z", 5);
        row.apply(Position::new(1, 0), Quarter::of_hour(key.hour, 2), Quantity::from_integer(7).unwrap());
        let rows = [(key, row)];
        let sums = |window| quarters(&rows, window).map(|usage| usage.sum.to_string()).collect::<Vec<_>>();
        assert_eq!(sums(window("2026-03-01T22:00:00Z", "2026-03-01T23:00:00Z")), ["5", "7"]);
        assert_eq!(sums(window("2026-03-01T22:15:00Z", "2026-03-01T22:45:00Z")), ["7"]);
    }
}
