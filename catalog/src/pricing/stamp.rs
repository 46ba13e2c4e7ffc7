//! Write timestamps of charges: they rise with the triggers, over re-creations of the topic too.

const INCARNATION: i64 = 1 << 40;

/// The timestamp of charges rated for a trigger: `incarnation × 2^40 + offset + 1`.
pub(super) fn of_charge(incarnation: u32, offset: u64) -> i64 {
    let offset = i64::try_from(offset).unwrap_or(i64::MAX);
    i64::from(incarnation).saturating_mul(INCARNATION).saturating_add(offset).saturating_add(1)
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
}
