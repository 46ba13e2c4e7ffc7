//! Housekeeping: once a minute, log records that every reader has passed and nobody may ask for any more are removed,
//! and so are rows that have expired.

use super::backends::{Backends, PARTITIONS};
use super::lifecycle::Lifecycle;
use super::rooms::Rooms;
use crate::config::Config;
use backends::embedded::{EmbeddedLog, EmbeddedStore};
use catalog::WORKER;
use catalog::view::View;
use domain::checkpoint::{Checkpoint, worker_key};
use domain::port::{
    CellStore, Clock, Log, LogError, Query, RegistryView, StoreError, TopicPartition, read_all,
};
use domain::position::Position;
use domain::table::CellKey;
use domain::topic::{DEAD_LETTERS, REVISIONS};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

const INTERVAL: Duration = Duration::from_secs(60);

/// Removes what is not needed any more.
struct Housekeeping {
    log: Arc<EmbeddedLog>,
    swept: Arc<EmbeddedStore>,
    store: Arc<dyn CellStore>,
    clock: Arc<dyn Clock>,
    view: View,
    retention_seconds: i64,
}

/// Why a round was cut short; the next one tries again.
#[derive(Debug, thiserror::Error)]
enum HousekeepingError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Starts a round a minute, until the work is stopped. Brokers and nodes keep their own house.
pub fn start(config: &Config, backends: &Backends, rooms: &Rooms, lifecycle: &Lifecycle) {
    let Some(embedded) = &backends.embedded else { return };
    let housekeeping = Housekeeping {
        log: Arc::clone(&embedded.log),
        swept: Arc::clone(&embedded.store),
        store: Arc::clone(&backends.store),
        clock: Arc::clone(&backends.clock),
        view: rooms.view.clone(),
        retention_seconds: i64::from(config.log_retention_hours) * 3_600,
    };
    lifecycle.keep(housekeeping.run());
}

impl Housekeeping {
    async fn run(self) {
        let mut rounds = interval(INTERVAL);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            if let Err(error) = self.round().await {
                tracing::warn!(%error, "housekeeping was cut short");
            }
        }
    }

    async fn round(&self) -> Result<(), HousekeepingError> {
        for generation in self.view.registry().generations() {
            for partition in 0..generation.partitions {
                let counted = self.stamp(&Checkpoint::cell_key(generation.number, partition)).await?;
                let below = counted.map_or(0, |stamp| Position::from_raw(stamp).offset());
                self.trim(&TopicPartition::new(Arc::clone(&generation.topic), partition), below).await?;
            }
        }
        for partition in 0..PARTITIONS {
            let priced = self.stamp(&worker_key(WORKER, REVISIONS, partition)).await?;
            let below = priced.and_then(|next| u64::try_from(next).ok()).unwrap_or(0);
            self.trim(&TopicPartition::new(REVISIONS, partition), below).await?;
            let mirrored = TopicPartition::new(DEAD_LETTERS, partition);
            let end = self.log.watermarks(&mirrored).await?.high;
            self.trim(&mirrored, end).await?;
        }
        self.swept.sweep().await?;
        Ok(())
    }

    /// Removes what is below the offset that every reader has passed, and past its retention.
    async fn trim(&self, partition: &TopicPartition, below: u64) -> Result<(), LogError> {
        let older_than = self.clock.now().plus_seconds(-self.retention_seconds);
        self.log.trim(partition, below, older_than).await.map(drop)
    }

    /// The write timestamp of a reader's cell, which is how far it has come.
    async fn stamp(&self, reader: &CellKey) -> Result<Option<i64>, StoreError> {
        let cells = read_all(&*self.store, Query::one(reader)).await?;
        Ok(cells.first().map(|cell| cell.timestamp))
    }
}

#[cfg(test)]
mod tests;
