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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_before_1970_keep_their_nanoseconds_positive() {
        let instant = Timestamp::from_nanos(-1);
        assert_eq!(to_wire(instant), prost_types::Timestamp { seconds: -1, nanos: 999_999_999 });
        assert_eq!(from_wire(Some(to_wire(instant))), Some(instant));
    }

    #[test]
    fn what_is_absent_or_breaks_the_rule_is_no_instant() {
        assert_eq!(from_wire(None), None);
        assert_eq!(from_wire(Some(prost_types::Timestamp { seconds: 0, nanos: -1 })), None);
        assert_eq!(
            raw_from_wire(prost_types::Timestamp { seconds: 0, nanos: -1 }),
            RawTime { seconds: 0, nanos: -1 }
        );
    }
}
