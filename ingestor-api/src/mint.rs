//! Ids for pulses that came without one.

use domain::id::PulseId;
use domain::time::Timestamp;
use uuid::Builder;

/// A new UUID of version 7, of that millisecond.
pub(crate) fn mint(now: Timestamp) -> PulseId {
    let mut random = [0; 10];
    getrandom::fill(&mut random).expect("the operating system has random bytes");
    let millis = u64::try_from(now.millis()).unwrap_or(0);
    PulseId::Uuid(Builder::from_unix_timestamp_millis(millis, &random).into_uuid().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minted_id_carries_the_millisecond_of_receipt_and_is_unique() {
        let now = Timestamp::from_nanos(1_700_000_000_123_456_789);
        let (one, other) = (mint(now), mint(now));
        assert_eq!(one.unix_millis(), Some(1_700_000_000_123));
        assert_ne!(one, other);
    }
}
