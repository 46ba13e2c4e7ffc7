//! What the ids of all partitions may take together. How much a partition holds never decides about a pulse.

use super::Spot;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A bound that partitions share: one may use what the others leave, and its even share in any case.
#[derive(Clone)]
pub(super) struct Budget {
    bytes_max: usize,
    held: Arc<Mutex<BTreeMap<Spot, usize>>>,
}

impl Budget {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, held: Arc::default() }
    }

    /// Notes what a partition holds. Returns what it may hold.
    pub(super) fn share(&self, spot: Spot, bytes: usize) -> usize {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(spot, bytes);
        let others = held.values().sum::<usize>() - bytes;
        self.bytes_max.saturating_sub(others).max(self.bytes_max / held.len())
    }

    /// A partition was given up.
    pub(super) fn release(&self, spot: Spot) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&spot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Spot = (1, 0);
    const B: Spot = (1, 1);
    const C: Spot = (2, 0);

    #[test]
    fn a_partition_may_use_what_the_others_leave() {
        let budget = Budget::new(1_200);
        assert_eq!(budget.share(A, 0), 1_200);
        assert_eq!(budget.share(B, 100), 1_200);
        assert_eq!(budget.share(A, 900), 1_100);
        assert_eq!(budget.share(C, 200), 400);
        budget.release(B);
        assert_eq!(budget.share(A, 900), 1_000);
    }

    #[test]
    fn an_even_share_is_never_refused_and_all_together_come_to_the_bound() {
        let budget = Budget::new(1_200);
        let spots = [A, B, C];
        let mut held = [1_200, 300, 0];
        for _ in 0..4 {
            for (spot, bytes) in spots.into_iter().zip(&mut held) {
                let share = budget.share(spot, *bytes);
                assert!(share >= 400, "{spot:?}: {share}");
                // Everybody wants half of the whole.
                *bytes = share.min(600);
            }
        }
        for (spot, bytes) in spots.into_iter().zip(&held) {
            budget.share(spot, *bytes);
        }
        assert_eq!(held.iter().sum::<usize>(), 1_200, "{held:?}");
    }
}
