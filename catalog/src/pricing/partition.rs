//! One partition of triggers: takes what waits, rates each month once, then notes how far it came.

use super::standing::Task;
use super::trigger::Triggers;
use super::{Pricing, PricingError, RETRY_DELAY, progress, rerate, stamp};
use crate::billing::rate_stored_month;
use crate::charge::Charges;
use crate::metrics::{self, Run};
use crate::state::State;
use domain::calendar::Period;
use domain::generation::Incarnation;
use domain::id::TenantId;
use domain::port::{ReadLimit, TopicPartition};
use domain::table::Cell;
use domain::topic::{REVISIONS, partition_of_tenant};
use futures::{StreamExt, TryStreamExt, stream};
use proto::blob::Blob;
use std::convert::Infallible;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const READ_BYTES: usize = 1024 * 1024;
const IDLE_WAIT: Duration = Duration::from_secs(5);
/// Spans gathered before rating begins, whatever else waits.
const SPANS_MAX: usize = 10_000;
const MONTHS_AT_ONCE: usize = 4;
const CELLS_AT_ONCE: usize = 64;

/// A partition this process owns.
pub(super) struct Partition {
    pub(super) pricing: Pricing,
    pub(super) number: u32,
    partitions: u32,
    incarnation: u32,
}

/// Runs both loops of the partition until it is taken away.
pub(super) async fn run(partition: Partition, stop: CancellationToken) {
    let loops = futures::future::join(price(&partition), rerate::follow(&partition));
    stop.run_until_cancelled(loops).await;
    for task in [Task::Triggers(partition.number), Task::Changes(partition.number)] {
        partition.pricing.standing.goes_on(task);
    }
}

async fn price(partition: &Partition) {
    loop {
        let Err(error) = partition.price_from_checkpoint().await;
        partition.pricing.standing.failed(Task::Triggers(partition.number), &error);
        tracing::error!(%error, partition = partition.number, "pricing starts again from its checkpoint");
        tokio::time::sleep(RETRY_DELAY).await;
    }
}

impl Partition {
    pub(super) fn new(pricing: Pricing, incarnation: &Incarnation, number: u32) -> Self {
        let partitions = incarnation.partitions();
        Self { pricing, number, partitions, incarnation: incarnation.number }
    }

    /// Whether a tenant's triggers go here.
    pub(super) fn holds(&self, tenant: &TenantId) -> bool {
        partition_of_tenant(tenant, self.partitions) == self.number
    }

    /// The partition's place in the log.
    pub(super) fn topic(&self) -> TopicPartition {
        TopicPartition::new(REVISIONS, self.number)
    }

    async fn price_from_checkpoint(&self) -> Result<Infallible, PricingError> {
        let mut next = match progress::load(&*self.pricing.store, REVISIONS, self.number).await? {
            Some(next) => next,
            None => self.pricing.log.watermarks(&self.topic()).await?.low,
        };
        // The owner before may have rated by commands this view has not seen: a price must not go back with the owner.
        self.pricing.view.confirm().await?;
        loop {
            next = self.step(next).await?;
            self.pricing.standing.goes_on(Task::Triggers(self.number));
        }
    }

    /// Deals with the triggers that wait from `next` on; returns where to go on.
    pub(super) async fn step(&self, next: u64) -> Result<u64, PricingError> {
        let triggers = self.take(next).await?;
        let Some(end) = triggers.next() else { return Ok(next) };
        let (run, start) = (Run::begin(self.number, end - next), self.pricing.view.clock().now());
        let state = self.pricing.view.at_least(triggers.catalog_offset()).await?;
        self.rate(&state, &triggers).await?;
        progress::save(&*self.pricing.store, REVISIONS, self.number, end).await?;
        run.end(start, self.pricing.view.clock().now());
        Ok(end)
    }

    /// Waits for a trigger, then a moment for others of its kind, and takes all there are.
    async fn take(&self, next: u64) -> Result<Triggers, PricingError> {
        let mut triggers = Triggers::default();
        if self.read(next, IDLE_WAIT, &mut triggers).await? == 0 {
            return Ok(triggers);
        }
        tokio::time::sleep(self.pricing.gather).await;
        while triggers.len() < SPANS_MAX {
            let from = triggers.next().unwrap_or(next);
            if self.read(from, Duration::ZERO, &mut triggers).await? == 0 {
                break;
            }
        }
        Ok(triggers)
    }

    async fn read(&self, from: u64, wait: Duration, triggers: &mut Triggers) -> Result<usize, PricingError> {
        let limit = ReadLimit { bytes: READ_BYTES, wait };
        let entries = self.pricing.log.read(&self.topic(), from, limit).await?;
        for entry in &entries {
            triggers.take(entry).map_err(|error| PricingError::Trigger { offset: entry.offset, error })?;
        }
        Ok(entries.len())
    }

    /// Reads the usage of each month after its triggers were taken, and writes its complete list of charges.
    async fn rate(&self, state: &State, triggers: &Triggers) -> Result<(), PricingError> {
        let months = stream::iter(triggers.months(state));
        let cells = months.map(|((tenant, period), offset)| self.charge_cell(state, tenant, period, offset));
        let writes = cells.buffered(MONTHS_AT_ONCE).try_chunks(CELLS_AT_ONCE).map_err(|chunk| chunk.1);
        writes.try_for_each(|cells| async { Ok(self.pricing.store.write(cells).await?) }).await
    }

    async fn charge_cell(
        &self,
        state: &State,
        tenant: TenantId,
        period: Period,
        offset: u64,
    ) -> Result<Cell, PricingError> {
        let month = rate_stored_month(&*self.pricing.store, state, &tenant, period).await?;
        let timestamp = stamp::of_charge(self.incarnation, offset);
        let charges = month.charges();
        metrics::charged(charges.charges.len());
        Ok(Cell { key: Charges::cell_key(&tenant, period), timestamp, value: charges.to_blob() })
    }
}
