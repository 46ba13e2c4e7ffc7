//! Sharing a whole in proportion, so that the shares add up to it.

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{Signed, Zero};

/// Shares `whole` among `weights` by largest remainder: each share is its exact part rounded down, and what is left goes
/// one by one to the largest remainders, on a tie to the earlier weight. Weights that sum to zero share nothing.
pub(crate) fn share(whole: &BigInt, weights: &[BigInt]) -> Vec<BigInt> {
    let sum: BigInt = weights.iter().sum();
    if sum.is_zero() {
        return vec![BigInt::zero(); weights.len()];
    }
    let whole = if sum.is_negative() { -whole } else { whole.clone() };
    let sum = sum.abs();
    let parts: Vec<(BigInt, BigInt)> =
        weights.iter().map(|weight| (&whole * weight).div_mod_floor(&sum)).collect();
    let left = parts.iter().map(|(_, remainder)| remainder).sum::<BigInt>() / &sum;
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by(|one, other| parts[*other].1.cmp(&parts[*one].1));
    let mut shares: Vec<BigInt> = parts.iter().map(|(share, _)| share.clone()).collect();
    let lucky = usize::try_from(left).expect("fewer units are left than there are weights");
    for index in &order[..lucky] {
        shares[*index] += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shares(whole: i64, weights: &[i64]) -> Vec<i64> {
        let weights: Vec<BigInt> = weights.iter().map(|weight| BigInt::from(*weight)).collect();
        share(&whole.into(), &weights).into_iter().map(|share| i64::try_from(share).unwrap()).collect()
    }

    #[test]
    fn what_is_left_goes_to_the_largest_remainders_and_on_a_tie_to_the_first() {
        // 10 in three equal parts is 3⅓ each: one is left, and the first takes it.
        assert_eq!(shares(10, &[1, 1, 1]), [4, 3, 3]);
        // 10 × 1/6 = 1⅔, 10 × 2/6 = 3⅓, 10 × 3/6 = 5: the remainder of ⅔ is the largest.
        assert_eq!(shares(10, &[1, 2, 3]), [2, 3, 5]);
        // Minus 10 × 1/3 is -3⅓, rounded down -4, remainder ⅔ each: two are left.
        assert_eq!(shares(-10, &[1, 1, 1]), [-3, -3, -4]);
    }

    #[test]
    fn weights_of_both_signs_share_in_proportion_and_a_sum_of_zero_shares_nothing() {
        // 6 over 5 - 2 = 3: two for each unit of weight.
        assert_eq!(shares(6, &[5, -2]), [10, -4]);
        assert_eq!(shares(-6, &[-5, 2]), [-10, 4]);
        assert_eq!(shares(0, &[5, -5]), [0, 0]);
        assert_eq!(shares(7, &[]), Vec::<i64>::new());
    }

    proptest! {
        #[test]
        fn shares_add_up_and_are_within_one_of_their_part(whole in -1_000_000_i64..1_000_000, weights in prop::collection::vec(-50_i64..50, 1..8)) {
            let sum: i64 = weights.iter().sum();
            prop_assume!(sum != 0);
            let shares = shares(whole, &weights);
            prop_assert_eq!(shares.iter().sum::<i64>(), whole);
            for (share, weight) in shares.iter().zip(&weights) {
                prop_assert!((share * sum - whole * weight).abs() < sum.abs());
            }
        }

        #[test]
        fn equal_weights_differ_by_one_at_most_and_the_first_get_more(whole in 0_i64..1_000_000, count in 1_usize..12) {
            let shares = shares(whole, &vec![7; count]);
            let least = whole / i64::try_from(count).unwrap();
            prop_assert!(shares.windows(2).all(|pair| pair[0] >= pair[1]));
            prop_assert!(shares.iter().all(|share| *share == least || *share == least + 1));
        }

        #[test]
        fn only_the_proportion_of_weights_matters(whole in -100_000_i64..100_000, weights in prop::collection::vec(0_i64..50, 1..8), factor in 1_i64..1_000) {
            let scaled: Vec<i64> = weights.iter().map(|weight| weight * factor).collect();
            let turned: Vec<i64> = weights.iter().map(|weight| -weight).collect();
            prop_assert_eq!(shares(whole, &scaled), shares(whole, &weights));
            prop_assert_eq!(shares(whole, &turned), shares(whole, &weights));
        }

        #[test]
        fn who_weighs_nothing_gets_nothing(whole in -100_000_i64..100_000, weights in prop::collection::vec(0_i64..50, 1..8)) {
            for (share, weight) in shares(whole, &weights).iter().zip(&weights) {
                prop_assert!(*weight != 0 || *share == 0);
            }
        }
    }
}
