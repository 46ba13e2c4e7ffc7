//! The bounds of the edge.

use serde::{Deserialize, Serialize};

/// What can be configured; every bound has a default that suits one machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Bytes of pulses that may be read and not yet answered; past them calls are refused as OVERLOADED. A pulse counts
    /// with its size on the wire and 1 KiB for its parsed form, so a full batch needs 2 MiB.
    pub in_flight_bytes_max: usize,
    /// Landed pulses that are remembered, to answer `duplicate`; about 40 bytes each.
    pub recent_pulses_max: usize,
    /// Unanswered batches past which a stream is not read.
    pub stream_batches_in_flight_max: usize,
    /// Seconds after which a stream is asked to open again; 0: never.
    pub max_connection_age_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            in_flight_bytes_max: 128 * 1024 * 1024,
            recent_pulses_max: 450_000,
            stream_batches_in_flight_max: 16,
            max_connection_age_seconds: 3_600,
        }
    }
}
