//! The bounds of the edge.

use crate::batch::{BATCH_BYTES_MAX, BATCH_PULSES_MAX};
use crate::edge::PARSED_BYTES;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// What a full batch takes while it is in flight.
const BATCH_IN_FLIGHT_BYTES: usize = BATCH_BYTES_MAX + BATCH_PULSES_MAX * PARSED_BYTES;

/// What can be configured; every bound has a default that suits one machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Bytes of pulses that may be read and not yet answered; past them calls are refused as OVERLOADED. A pulse counts
    /// with its size on the wire and 1 KiB for its parsed form, so a full batch needs 2 MiB.
    #[serde(deserialize_with = "room_for_a_batch")]
    pub in_flight_bytes_max: usize,
    /// Landed pulses that are remembered, to answer `duplicate`; about 40 bytes each.
    pub recent_pulses_max: usize,
    /// Refused pulses a second that are kept of each tenant, and of all unknown tenants together; a minute's worth may
    /// come at once, and past that a batch is refused as `QUOTA_EXCEEDED`.
    pub refused_pulses_per_second_max: u32,
    /// New groups that a tenant may make of a SKU within an hour; past them a pulse is refused as `DIMENSION_LIMIT`.
    pub new_groups_per_hour_max: usize,
    /// Unanswered batches past which a stream is not read.
    pub stream_batches_in_flight_max: usize,
    /// Seconds after which a stream is asked to open again; 0: never.
    pub max_connection_age_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            in_flight_bytes_max: 64 * 1024 * 1024,
            recent_pulses_max: 450_000,
            refused_pulses_per_second_max: 2_000,
            new_groups_per_hour_max: 10_000,
            stream_batches_in_flight_max: 16,
            max_connection_age_seconds: 3_600,
        }
    }
}

/// A bound below a full batch would refuse that for ever, as if it could be taken later.
fn room_for_a_batch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let bytes = usize::deserialize(deserializer)?;
    if bytes < BATCH_IN_FLIGHT_BYTES {
        let rule = format!("must be at least {BATCH_IN_FLIGHT_BYTES}, the room of a full batch");
        return Err(D::Error::custom(rule));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: serde_json::Value) -> Result<Config, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn a_bound_that_no_full_batch_fits_in_is_refused() {
        // 1 MiB of pulses and 1 KiB for each of a thousand.
        assert_eq!(BATCH_IN_FLIGHT_BYTES, 2_072_576);
        let error = read(json!({ "in_flight_bytes_max": 2_072_575 })).unwrap_err();
        assert!(error.contains("must be at least 2072576"), "{error}");
        assert_eq!(read(json!({ "in_flight_bytes_max": 2_072_576 })).unwrap().in_flight_bytes_max, 2_072_576);
    }

    #[test]
    fn what_is_not_given_has_its_default_and_an_unknown_key_is_refused() {
        assert_eq!(read(json!({})), Ok(Config::default()));
        let given = read(json!({ "recent_pulses_max": 0 })).unwrap();
        assert_eq!(given, Config { recent_pulses_max: 0, ..Config::default() });
        assert!(read(json!({ "recent_pulse_max": 0 })).is_err());
        let written = serde_json::to_value(Config::default()).unwrap();
        assert_eq!(read(written), Ok(Config::default()));
    }
}
