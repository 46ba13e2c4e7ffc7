//! Usage as it is counted: the aggregate rows of a tenant, and what they say of quarters of an hour.

use crate::rating::UsageQuarter;
use domain::aggregate::{Row, RowKey, partition_key};
use domain::id::TenantId;
use domain::port::{CellStore, Query, StoreError, read_all};
use domain::table::{AGGREGATE, Cell, KeyValue};
use domain::time::{Quarter, Timestamp, Window};
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
    let days = stream::iter(window.days()).map(|day| read_day(store, tenant, day));
    let days: Vec<Vec<(RowKey, Row)>> = days.buffered(DAYS_AT_ONCE).try_collect().await?;
    Ok(days.into_iter().flatten().filter(|(key, _)| touches(key.hour, window)).collect())
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
    tenant: &TenantId,
    day: i64,
) -> Result<Vec<(RowKey, Row)>, StoreError> {
    let cells = read_all(store, Query::all(&AGGREGATE, partition_key(tenant.as_str(), day))).await?;
    cells.iter().map(decode).collect()
}

fn decode(cell: &Cell) -> Result<(RowKey, Row), StoreError> {
    let key = RowKey::from_cell_key(&cell.key);
    let row = Row::from_blob(&cell.value).ok();
    key.zip(row).ok_or_else(|| StoreError::Damaged { table: AGGREGATE.name, key: display(cell) })
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
