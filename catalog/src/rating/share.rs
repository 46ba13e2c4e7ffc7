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
