//! How much an answer knows: the watermark, and whether anything in it can still change.

use catalog::state::State;
use domain::checkpoint::{Checkpoint, Closings};
use domain::generation::Registry;
use domain::id::TenantId;
use domain::port::{CellStore, Query, StoreError, read_all};
use domain::table::{CellKey, WATERMARK};
use domain::time::{Timestamp, Window};
use proto::blob::Blob;
use rest::{Count, Time};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
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

/// How far the partitions of some tenants are counted. Read it before the rows it speaks of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    watermark: Option<Timestamp>,
    closings: BTreeMap<(u32, u32), Closings>,
}

impl Progress {
    /// The least watermark of all partitions that may hold pulses of the tenants, and the periods closed in each.
    pub async fn read(
        store: &dyn CellStore,
        registry: &Registry,
        tenants: &[TenantId],
    ) -> Result<Self, StoreError> {
        let partitions: BTreeSet<(u32, u32)> =
            tenants.iter().flat_map(|tenant| partitions_of(registry, tenant)).collect();
        let generations: BTreeSet<u32> = partitions.iter().map(|(generation, _)| *generation).collect();
        let mut watermarks = BTreeMap::new();
        for generation in generations {
            for cell in read_all(store, Query::all(&WATERMARK, vec![generation.into()])).await? {
                let partition = cell.key.clustering.first().and_then(domain::table::KeyValue::as_int);
                let partition = partition.and_then(|partition| u32::try_from(partition).ok());
                let place = (generation, partition.ok_or_else(|| damaged(&cell.key))?);
                watermarks.insert(place, Timestamp::from_blob(&cell.value).map_err(|_| damaged(&cell.key))?);
            }
        }
        let known = partitions.iter().map(|place| watermarks.get(place).copied());
        let watermark = known.collect::<Option<Vec<Timestamp>>>().and_then(|all| all.into_iter().min());
        let mut closings = BTreeMap::new();
        for (generation, partition) in partitions {
            let checkpoint = read_checkpoint(store, generation, partition).await?;
            closings.insert((generation, partition), checkpoint.closings);
        }
        Ok(Self { watermark, closings })
    }

    /// What an answer about the range says of itself.
    pub fn meta(&self, about: &About<'_>, late_count: u64) -> Meta {
        Meta {
            watermark: self.watermark.map(Time),
            complete: self.watermark.is_some_and(|watermark| about.range.end() <= watermark),
            is_final: about.tenants.iter().all(|tenant| self.is_final(about, tenant))
                && !about.tenants.is_empty(),
            late_count: Count(late_count),
        }
    }

    fn is_final(&self, about: &About<'_>, tenant: &TenantId) -> bool {
        let Some(registry) = about.state.registry() else { return false };
        let calendar = about.state.calendar_of(tenant);
        let name = calendar.name().into();
        let mut period = calendar.period_of(about.range.start());
        while calendar.window_of(period).start() < about.range.end() {
            let closed =
                |place| self.closings.get(&place).is_some_and(|closings| closings.is_closed(&name, period));
            if !partitions_of(registry, tenant).all(closed) {
                return false;
            }
            period = period.next();
        }
        true
    }
}

/// What an answer is about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The catalogue it was given by.
    pub state: &'a State,
    /// Whose usage.
    pub tenants: &'a [TenantId],
    /// When.
    pub range: &'a Window,
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

fn partitions_of<'a>(
    registry: &'a Registry,
    tenant: &TenantId,
) -> impl Iterator<Item = (u32, u32)> + use<'a> {
    let all = registry.partitions_of(tenant.as_str());
    all.into_iter().map(|(generation, partition)| (generation.number, partition))
}
