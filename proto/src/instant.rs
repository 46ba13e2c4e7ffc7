//! Instants as protobuf's own timestamps.

use domain::pulse::RawTime;
use domain::time::Timestamp;

/// The timestamp of an instant.
pub fn to_wire(instant: Timestamp) -> prost_types::Timestamp {
    raw_to_wire(instant.into())
}

/// The instant of a timestamp. `None`: it is absent or breaks protobuf's rule.
pub fn from_wire(timestamp: Option<prost_types::Timestamp>) -> Option<Timestamp> {
    let timestamp = timestamp?;
    Timestamp::from_unix(timestamp.seconds, timestamp.nanos)
}

/// An unchecked time, as it is.
pub fn raw_to_wire(time: RawTime) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: time.seconds, nanos: time.nanos }
}

/// A timestamp, unchecked.
pub fn raw_from_wire(timestamp: prost_types::Timestamp) -> RawTime {
    RawTime { seconds: timestamp.seconds, nanos: timestamp.nanos }
}
