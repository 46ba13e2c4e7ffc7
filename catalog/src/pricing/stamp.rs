//! Write timestamps of charges: they rise with the triggers, over re-creations of the topic too.

const INCARNATION: i64 = 1 << 40;

/// The timestamp of charges rated for a trigger: `incarnation × 2^40 + offset + 1`.
pub(super) fn of_charge(incarnation: u32, offset: u64) -> i64 {
    let offset = i64::try_from(offset).unwrap_or(i64::MAX);
    i64::from(incarnation).saturating_mul(INCARNATION).saturating_add(offset).saturating_add(1)
}

/// The trigger a charge was rated for, by the timestamp of its cell: incarnation and offset.
pub(super) fn trigger_of(timestamp: i64) -> Option<(u32, u64)> {
    let incarnation = u32::try_from(timestamp / INCARNATION).ok()?;
    let offset = u64::try_from(timestamp % INCARNATION).ok()?.checked_sub(1)?;
    Some((incarnation, offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_trigger_and_a_later_incarnation_win() {
        assert_eq!(of_charge(1, 0), 1_099_511_627_777);
        assert!(of_charge(1, 8) > of_charge(1, 7));
        assert!(of_charge(2, 0) > of_charge(1, 1_000_000_000_000));
    }

    #[test]
    fn a_charge_tells_what_it_was_rated_for() {
        assert_eq!(trigger_of(1_099_511_627_777), Some((1, 0)));
        assert_eq!(trigger_of(of_charge(7, 123_456)), Some((7, 123_456)));
        for nobodys in [0, 1_099_511_627_776, -1] {
            assert_eq!(trigger_of(nobodys), None, "{nobodys}");
        }
    }
}
