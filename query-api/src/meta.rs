//! How much an answer knows: the watermark, and whether anything in it can still change.

use domain::calendar::Calendar;
use domain::checkpoint::{Checkpoint, Closings, watermark_key};
use domain::generation::Registry;
use domain::id::TenantId;
use domain::port::{CellStore, Query, StoreError, read_all};
use domain::table::CellKey;
use domain::time::{Timestamp, Window};
use proto::blob::Blob;
use rest::{Count, Time};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use utoipa::ToSchema;

/// How much an answer knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Meta {
    /// Every pulse acknowledged before it is in the answer; absent: nothing is known to be counted yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Time>)]
    pub watermark: Option<Time>,
    /// Whether the watermark has reached the end of the range.
    pub complete: bool,
    /// Whether every period touched is closed: nothing in the answer changes any more.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// Pulses of the range that stand as adjustments, billed in a later period.
    #[schema(value_type = Count)]
    pub late_count: Count,
}

impl Meta {
    /// What of it tells one version of an answer from another: a watermark past the range says nothing new about it.
    pub fn version(self) -> Self {
        Self { watermark: self.watermark.filter(|_| !self.complete), ..self }
    }
}

/// How far the partitions of some tenants are counted. Read it before the rows it speaks of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    watermark: Option<Timestamp>,
    tenants: Vec<TenantClosings>,
}

/// The periods closed in each partition that may hold pulses of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
struct TenantClosings {
    calendar: Calendar,
    partitions: Vec<Arc<Closings>>,
}

/// A generation and a partition within.
pub type Place = (u32, u32);

impl Progress {
    /// The least watermark of all partitions that may hold pulses of the tenants, and the periods closed in each.
    pub async fn read(
        store: &dyn CellStore,
        registry: &Registry,
        tenants: impl IntoIterator<Item = (&TenantId, Calendar)>,
    ) -> Result<Self, StoreError> {
        let places = |tenant: &TenantId| -> Vec<Place> {
            let all = registry.partitions_of(tenant.as_str());
            all.into_iter().map(|(generation, partition)| (generation.number, partition)).collect()
        };
        let tenants: Vec<_> =
            tenants.into_iter().map(|(tenant, calendar)| (places(tenant), calendar)).collect();
        let all: BTreeSet<Place> = tenants.iter().flat_map(|(places, _)| places.iter().copied()).collect();
        let watermark = read_watermark(store, &all).await?;
        let mut closings = BTreeMap::new();
        for (generation, partition) in all {
            let checkpoint = read_checkpoint(store, generation, partition).await?;
            closings.insert((generation, partition), Arc::new(checkpoint.closings));
        }
        let of = |(places, calendar): (Vec<Place>, Calendar)| TenantClosings {
            calendar,
            partitions: places.iter().map(|place| Arc::clone(&closings[place])).collect(),
        };
        Ok(Self { watermark, tenants: tenants.into_iter().map(of).collect() })
    }

    /// Everything acknowledged before it is counted.
    pub fn watermark(&self) -> Option<Timestamp> {
        self.watermark
    }

    /// The same, where nobody knows of partitions that were added after the instant.
    #[must_use]
    pub fn capped(self, known_until: Timestamp) -> Self {
        let watermark = self.watermark.map(|watermark| watermark.min(known_until));
        Self { watermark, ..self }
    }

    /// What an answer about the range says of itself.
    pub fn meta(&self, range: &Window, late_count: u64) -> Meta {
        Meta {
            watermark: self.watermark.map(Time),
            complete: self.watermark.is_some_and(|watermark| range.end() <= watermark),
            is_final: !self.tenants.is_empty() && self.tenants.iter().all(|tenant| tenant.is_final(range)),
            late_count: Count(late_count),
        }
    }
}

impl TenantClosings {
    /// Whether every period the range touches is closed in every partition.
    fn is_final(&self, range: &Window) -> bool {
        let name = self.calendar.name().into();
        let mut period = self.calendar.period_of(range.start());
        while self.calendar.window_of(period).start() < range.end() {
            if !self.partitions.iter().all(|closings| closings.is_closed(&name, period)) {
                return false;
            }
            period = period.next();
        }
        true
    }
}

/// The least watermark of the places; `None` where one of them has none.
pub async fn read_watermark(
    store: &dyn CellStore,
    places: &BTreeSet<Place>,
) -> Result<Option<Timestamp>, StoreError> {
    let mut least = None;
    for (generation, partition) in places {
        let key = watermark_key(*generation, *partition);
        let Some(cell) = read_all(store, Query::one(&key)).await?.into_iter().next() else { return Ok(None) };
        let watermark = Timestamp::from_blob(&cell.value).map_err(|_| damaged(&key))?;
        least = Some(least.map_or(watermark, |least: Timestamp| least.min(watermark)));
    }
    Ok(least)
}

/// A partition's checkpoint; that of an untouched partition where there is none.
pub async fn read_checkpoint(
    store: &dyn CellStore,
    generation: u32,
    partition: u32,
) -> Result<Checkpoint, StoreError> {
    let key = Checkpoint::cell_key(generation, partition);
    let cells = read_all(store, Query::one(&key)).await?;
    cells.first().map_or(Ok(Checkpoint::default()), |cell| {
        Checkpoint::from_blob(&cell.value).map_err(|_| damaged(&key))
    })
}

/// The failure of a cell that is not what was written.
pub fn damaged(key: &CellKey) -> StoreError {
    StoreError::Damaged { table: key.table.name, key: format!("{:?} {:?}", key.partition, key.clustering) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{House, at, tenant};
    use domain::calendar::Period;
    use domain::checkpoint::Closing;

    async fn progress(house: &House, names: &[&str]) -> Progress {
        let tenants: Vec<TenantId> = names.iter().map(|name| tenant(name)).collect();
        let with_calendar = tenants.iter().map(|tenant| (tenant, Calendar::utc()));
        Progress::read(&*house.store, house.view.state().registry().unwrap(), with_calendar).await.unwrap()
    }

    fn months(from: &str, to: &str) -> Window {
        Window::new(at(&format!("{from}-01T00:00:00Z")), at(&format!("{to}-01T00:00:00Z"))).unwrap()
    }

    async fn close(house: &House, partition: u32, period: &str, closed: bool) {
        let mut closings = Closings::default();
        let closing = Closing { number: 1, closed, offset: 1 };
        closings.0.insert(("UTC".into(), Period::parse(period).unwrap()), closing);
        house.put_checkpoint(partition, &Checkpoint { next: 5, closings, ..Checkpoint::default() }).await;
    }

    #[tokio::test]
    async fn the_slowest_partition_tells_how_far_an_answer_reaches() {
        let house = House::open().await;
        let range = months("2026-01", "2026-02");
        house.put(watermark_key(1, 0), 1, &at("2026-02-03T00:00:00Z")).await;
        assert!(progress(&house, &["acme"]).await.meta(&range, 0).complete);
        let both = progress(&house, &["acme", "globex"]).await.meta(&range, 0);
        assert_eq!((both.watermark, both.complete), (None, false));
        house.put(watermark_key(1, 1), 1, &at("2026-01-31T23:59:59Z")).await;
        let both = progress(&house, &["acme", "globex"]).await.meta(&range, 3);
        assert_eq!((both.watermark, both.complete), (Some(Time(at("2026-01-31T23:59:59Z"))), false));
        assert_eq!(both.late_count, Count(3));
    }

    #[tokio::test]
    async fn an_answer_is_final_when_every_period_touched_is_closed_everywhere() {
        let house = House::open().await;
        let is_final = async |names: &[&str], range| progress(&house, names).await.meta(&range, 0).is_final;
        let january = months("2026-01", "2026-02");
        assert!(!is_final(&["acme"], january).await);
        close(&house, 0, "2026-01", true).await;
        assert!(is_final(&["acme"], january).await);
        assert!(!is_final(&["acme"], months("2026-01", "2026-03")).await);
        assert!(!is_final(&["acme", "globex"], january).await);
        close(&house, 1, "2026-01", true).await;
        assert!(is_final(&["acme", "globex"], january).await);
        assert!(!is_final(&[], january).await);
    }

    #[tokio::test]
    async fn a_period_that_was_opened_again_is_not_final() {
        let house = House::open().await;
        close(&house, 0, "2026-01", false).await;
        assert!(!progress(&house, &["acme"]).await.meta(&months("2026-01", "2026-02"), 0).is_final);
    }

    #[tokio::test]
    async fn a_month_closed_in_one_calendar_is_open_in_another() {
        let house = House::open().await;
        close(&house, 0, "2026-01", true).await;
        let acme = tenant("acme");
        for (zone, is_final) in [("UTC", true), ("Europe/Berlin", false)] {
            let calendar = Calendar::parse(zone).unwrap();
            let range = calendar.window_of(Period::parse("2026-01").unwrap());
            let state = house.view.state();
            let progress =
                Progress::read(&*house.store, state.registry().unwrap(), [(&acme, calendar)]).await.unwrap();
            assert_eq!(progress.meta(&range, 0).is_final, is_final, "{zone}");
        }
    }

    #[tokio::test]
    async fn an_answer_is_complete_from_the_very_end_of_its_range_on() {
        let house = House::open().await;
        for (timestamp, watermark, complete) in [
            (1, "2026-01-31T23:59:59Z", false),
            (2, "2026-02-01T00:00:00Z", true),
            (3, "2026-02-01T00:00:01Z", true),
        ] {
            house.put(watermark_key(1, 0), timestamp, &at(watermark)).await;
            let progress = progress(&house, &["acme"]).await;
            assert_eq!(progress.watermark(), Some(at(watermark)));
            assert_eq!(progress.meta(&months("2026-01", "2026-02"), 0).complete, complete, "{watermark}");
        }
    }

    #[tokio::test]
    async fn without_a_tenant_nothing_is_known() {
        let house = House::open().await;
        house.reach("2026-02-03T00:00:00Z").await;
        let meta = progress(&house, &[]).await.meta(&months("2026-01", "2026-02"), 0);
        assert_eq!((meta.watermark, meta.complete, meta.is_final), (None, false, false));
        assert_eq!(read_watermark(&*house.store, &BTreeSet::new()).await, Ok(None));
        let places = BTreeSet::from([(1, 0), (1, 1)]);
        let known = read_watermark(&*house.store, &places).await;
        assert_eq!(known, Ok(Some(at("2026-02-03T00:00:00Z"))));
    }

    #[tokio::test]
    async fn what_is_not_what_was_written_is_an_error_and_never_a_watermark() {
        use domain::table::Cell;
        let house = House::open().await;
        assert_eq!(read_checkpoint(&*house.store, 1, 0).await, Ok(Checkpoint::default()));
        for (key, table) in [
            (watermark_key(1, 0), watermark_key(1, 0).table.name),
            (Checkpoint::cell_key(1, 0), Checkpoint::cell_key(1, 0).table.name),
        ] {
            let house = House::open().await;
            house.store.write(vec![Cell { key, timestamp: 9, value: b"?".as_slice().into() }]).await.unwrap();
            let acme = tenant("acme");
            let state = house.view.state();
            let read =
                Progress::read(&*house.store, state.registry().unwrap(), [(&acme, Calendar::utc())]).await;
            match read {
                Err(StoreError::Damaged { table: found, .. }) => assert_eq!(found, table),
                other => panic!("{table}: {other:?}"),
            }
        }
    }
}
