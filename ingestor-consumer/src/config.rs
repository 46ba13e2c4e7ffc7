//! What a consumer can be told.

use crate::core::Limits;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Settings of the consumer. Memory held for a partition is bounded by four reads (two in the channel, one before it,
/// one being applied: `read_bytes` each), what is read since the last flush and the flush under way (`flush_bytes` each,
/// plus one batch of 4,096 pulses) and rows (about 600 bytes each, twice while a flush carries them). Ids have a bound for
/// all partitions together, which a batch and what is not flushed yet may exceed by their own.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Milliseconds between flushes.
    pub flush_interval_ms: u64,
    /// Bytes of records since the last flush that start the next one early.
    pub flush_bytes: usize,
    /// Bytes of records in one read of the log.
    pub read_bytes: usize,
    /// Aggregate rows a partition holds in memory.
    pub rows_max: usize,
    /// Bytes of ids the process holds in memory: 7 to 9 an id, 300 a set of a minute's slice.
    pub id_bytes_max: usize,
    /// Milliseconds a partition may take to flush when it is given up.
    pub revoke_flush_ms_max: u64,
}

impl Default for Config {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            flush_interval_ms: 1_000,
            flush_bytes: limits.flush_bytes,
            read_bytes: 1 << 20,
            rows_max: limits.rows_max,
            id_bytes_max: limits.id_bytes_max,
            revoke_flush_ms_max: 2_000,
        }
    }
}

impl Config {
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            rows_max: self.rows_max,
            id_bytes_max: self.id_bytes_max,
            flush_bytes: self.flush_bytes,
            ..Limits::default()
        }
    }

    pub(crate) fn flush_interval(&self) -> Duration {
        Duration::from_millis(self.flush_interval_ms.max(1))
    }

    pub(crate) fn revoke_flush_max(&self) -> Duration {
        Duration::from_millis(self.revoke_flush_ms_max)
    }
}
