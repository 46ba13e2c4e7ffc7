//! When charges were rated.

use super::stamp;
use domain::id::TenantId;
use domain::port::{Log, LogError, ReadLimit, TopicPartition};
use domain::time::Timestamp;
use domain::topic::{REVISIONS, partition_of_tenant};
use std::time::Duration;

/// A detail of an answer is not waited for longer.
const LOOK_MAX: Duration = Duration::from_secs(1);

/// When the newest trigger was appended that a tenant's charges were rated for, by the timestamp of their cell: all usage
/// counted before it is in them. `None`: the log does not hold that trigger any more.
pub async fn rated_time(
    log: &dyn Log,
    tenant: &TenantId,
    timestamp: i64,
) -> Result<Option<Timestamp>, LogError> {
    let found = tokio::time::timeout(LOOK_MAX, find(log, tenant, timestamp)).await;
    found.unwrap_or_else(|_| Err(LogError::Unavailable(format!("no answer within {} s", LOOK_MAX.as_secs()))))
}

async fn find(log: &dyn Log, tenant: &TenantId, timestamp: i64) -> Result<Option<Timestamp>, LogError> {
    let Some((number, offset)) = stamp::trigger_of(timestamp) else { return Ok(None) };
    let incarnation = log.incarnation(REVISIONS).await?;
    if number != incarnation.number {
        return Ok(None);
    }
    let topic = TopicPartition::new(REVISIONS, partition_of_tenant(tenant, incarnation.partitions()));
    let held = log.watermarks(&topic).await?;
    if !(held.low..held.high).contains(&offset) {
        return Ok(None);
    }
    match log.read(&topic, offset, ReadLimit { bytes: 1, wait: Duration::ZERO }).await {
        Ok(entries) => Ok(entries.first().map(|trigger| trigger.timestamp)),
        Err(LogError::OutOfRange { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
