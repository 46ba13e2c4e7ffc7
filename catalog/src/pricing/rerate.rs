//! Turns changes of the catalogue into triggers of the months they touch, for the tenants of one partition.

use super::partition::Partition;
use super::standing::Task;
use super::touch::months_touched;
use super::{PricingError, RETRY_DELAY, progress};
use crate::command::{Command, decode};
use crate::view::{ViewError, partition as catalog_partition};
use domain::calendar::Period;
use domain::id::TenantId;
use domain::port::{Entry, NewRecord, ReadLimit};
use domain::topic::CATALOG;
use proto::published::rerate_record;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

const READ: ReadLimit = ReadLimit { bytes: 256 * 1024, wait: Duration::from_secs(5) };
const RECORDS_AT_ONCE: usize = 256;

/// Follows the catalogue's log for ever.
pub(super) async fn follow(partition: &Partition) {
    loop {
        let Err(error) = follow_from_checkpoint(partition).await;
        partition.pricing.standing.failed(Task::Changes(partition.number), &error);
        tracing::error!(%error, partition = partition.number, "following the catalogue starts again from its checkpoint");
        tokio::time::sleep(RETRY_DELAY).await;
    }
}

async fn follow_from_checkpoint(partition: &Partition) -> Result<Infallible, PricingError> {
    let loaded = progress::load(&*partition.pricing.store, CATALOG, partition.number).await?;
    let mut next = loaded.unwrap_or(0);
    loop {
        next = step(partition, next).await?;
        partition.pricing.standing.goes_on(Task::Changes(partition.number));
    }
}

/// Deals with the commands that wait from `next` on; returns where to go on.
pub(super) async fn step(partition: &Partition, next: u64) -> Result<u64, PricingError> {
    let pricing = &partition.pricing;
    let entries = pricing.log.read(&catalog_partition(), next, READ).await?;
    let Some(last) = entries.last() else { return Ok(next) };
    let end = last.offset + 1;
    let months = touched(partition, &entries, end).await?;
    let triggers: Vec<NewRecord> =
        months.iter().map(|(tenant, period)| rerate_record(tenant, *period, end)).collect();
    for chunk in triggers.chunks(RECORDS_AT_ONCE) {
        pricing.log.append(&partition.topic(), chunk.to_vec()).await?;
    }
    progress::save(&*pricing.store, CATALOG, partition.number, end).await?;
    Ok(end)
}

async fn touched(
    partition: &Partition,
    entries: &[Entry],
    end: u64,
) -> Result<BTreeSet<(TenantId, Period)>, PricingError> {
    let view = &partition.pricing.view;
    let state = view.at_least(end).await?;
    let now = view.clock().now();
    let mut months = BTreeSet::new();
    for entry in entries {
        if let Ok(Command { change, .. }) = decode(entry).map_err(ViewError::from)? {
            months.append(&mut months_touched(&state, &change, entry.offset, now));
        }
    }
    months.retain(|(tenant, _)| partition.holds(tenant));
    Ok(months)
}
