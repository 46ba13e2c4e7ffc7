//! How much was used, exactly: one pulse's [`Quantity`] and the [`Sum`] of many.

use crate::decimal::{self, Grammar};
use crate::reject::{Reject, RejectReason};
use ethnum::I256;
use num_bigint::BigInt;
use num_rational::BigRational;
use std::fmt;
use std::iter;
use std::ops::{Add, AddAssign};

const GRAMMAR: Grammar = Grammar { integer_digits_max: 18, negative: true };
/// The largest magnitude, in 10^-12: eighteen nines, a point, twelve nines.
const ATOMS_MAX: i128 = 1_000_000_000_000_000_000 * decimal::ONE - 1;

/// The amount of one pulse: up to 18 digits before and 12 after the point, never rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(i128);

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One unit.
    pub const ONE: Self = Self(decimal::ONE);

    /// Reads exact text, `^-?[0-9]{1,18}(\.[0-9]{1,12})?$`.
    pub fn parse(text: &str) -> Result<Self, Reject> {
        decimal::parse(text, GRAMMAR).map(Self).ok_or_else(|| {
            let rule = r"must be an exact decimal, ^-?[0-9]{1,18}(\.[0-9]{1,12})?$";
            Reject::new(RejectReason::InvalidQuantity, "quantity", rule)
        })
    }

    /// The value that counts `atoms` of 10^-12, if it is in range.
    pub fn from_atoms(atoms: i128) -> Option<Self> {
        (-ATOMS_MAX..=ATOMS_MAX).contains(&atoms).then_some(Self(atoms))
    }

    /// A whole number of units, if it is in range.
    pub fn from_integer(units: i64) -> Option<Self> {
        Self::from_atoms(i128::from(units) * decimal::ONE)
    }

    /// How many 10^-12 it counts.
    pub const fn atoms(self) -> i128 {
        self.0
    }

    /// Whether it corrects.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// The same size with the other sign.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self(-self.0)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write(f, self.0 < 0, &self.0.unsigned_abs().to_string())
    }
}

/// A sum of quantities in 256 bits: 10^46 pulses of the largest quantity fit, so adding cannot fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sum(I256);

impl Sum {
    /// The sum of nothing.
    pub const ZERO: Self = Self(I256::ZERO);

    /// Its 32 bytes, little-endian, two's complement, counting 10^-12.
    pub fn to_le_bytes(self) -> [u8; 32] {
        self.0.to_le_bytes()
    }

    /// The sum those bytes stand for.
    pub fn from_le_bytes(bytes: [u8; 32]) -> Self {
        Self(I256::from_le_bytes(bytes))
    }

    /// Whether it is nothing.
    pub fn is_zero(self) -> bool {
        self.0 == I256::ZERO
    }

    /// The exact value for rating.
    pub fn to_rational(self) -> BigRational {
        let atoms = BigInt::from_signed_bytes_le(&self.to_le_bytes());
        BigRational::new(atoms, BigInt::from(decimal::ONE))
    }

    /// Reads the text that [`fmt::Display`] writes: a decimal of any length with at most 12 places.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (integer, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let numeric = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let fits = !integer.is_empty()
            && fraction.len() <= decimal::PLACES
            && numeric(integer)
            && numeric(fraction)
            && !digits.ends_with('.');
        if !fits {
            return None;
        }
        let magnitude = format!("{integer}{fraction:0<width$}", width = decimal::PLACES);
        let magnitude = I256::from_str_radix(&magnitude, 10).ok()?;
        Some(Self(if negative { -magnitude } else { magnitude }))
    }
}

impl Default for Sum {
    fn default() -> Self {
        Self::ZERO
    }
}

impl From<Quantity> for Sum {
    fn from(quantity: Quantity) -> Self {
        Self(I256::from(quantity.0))
    }
}

impl Add for Sum {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let sum = self.0.checked_add(other.0);
        Self(sum.expect("fewer than 10^46 pulses were ever added"))
    }
}

impl Add<Quantity> for Sum {
    type Output = Self;
    fn add(self, quantity: Quantity) -> Self {
        self + Self::from(quantity)
    }
}

impl AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl AddAssign<Quantity> for Sum {
    fn add_assign(&mut self, quantity: Quantity) {
        *self = *self + quantity;
    }
}

impl iter::Sum for Sum {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write(f, self.0.is_negative(), &self.0.unsigned_abs().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quantity() -> impl Strategy<Value = Quantity> {
        (-ATOMS_MAX..=ATOMS_MAX).prop_map(|atoms| Quantity::from_atoms(atoms).unwrap())
    }

    #[test]
    fn a_tenth_added_ten_million_times_is_exactly_one_million() {
        let tenth = Quantity::parse("0.1").unwrap();
        let sum = (0..10_000_000).fold(Sum::ZERO, |sum, _| sum + tenth);
        assert_eq!(sum.to_string(), "1000000");
    }

    #[test]
    fn normal_form_drops_what_says_nothing() {
        for (text, normal) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.000", "0"),
            ("007", "7"),
            ("1.50", "1.5"),
            ("-12.000000000001", "-12.000000000001"),
            ("999999999999999999.999999999999", "999999999999999999.999999999999"),
        ] {
            assert_eq!(Quantity::parse(text).unwrap().to_string(), normal, "{text}");
        }
    }

    #[test]
    fn text_that_is_no_exact_decimal_is_refused_by_name() {
        let texts = [
            "",
            "-",
            "+1",
            "1.",
            ".5",
            "1e3",
            "1,5",
            " 1",
            "1 ",
            "0x10",
            "NaN",
            "1.2.3",
            "--1",
            "١",
            "1000000000000000000",
            "0.0000000000001",
            "-1000000000000000000.0",
        ];
        for text in texts {
            let reject = Quantity::parse(text).unwrap_err();
            assert_eq!(reject.reason, RejectReason::InvalidQuantity, "{text}");
            assert_eq!(reject.field, "quantity");
        }
    }

    proptest! {
        #[test]
        fn any_grouping_and_order_gives_the_same_sum(
            mut parts in prop::collection::vec(quantity(), 0..60),
            cut in 0_usize..60,
            seed in any::<u64>(),
        ) {
            let plain: Sum = parts.iter().fold(Sum::ZERO, |sum, part| sum + *part);
            let cut = cut.min(parts.len());
            let (left, right) = parts.split_at(cut);
            let grouped = [left, right].iter().map(|half| half.iter().fold(Sum::ZERO, |sum, part| sum + *part)).sum();
            prop_assert_eq!(plain, grouped);
            parts.sort_by_key(|part| part.atoms().rotate_left((seed % 127) as u32));
            let shuffled = parts.iter().fold(Sum::ZERO, |sum, part| sum + *part);
            prop_assert_eq!(plain, shuffled);
        }

        #[test]
        fn text_to_value_to_text_is_the_identity_on_normal_forms(value in quantity()) {
            let text = value.to_string();
            prop_assert_eq!(Quantity::parse(&text).unwrap(), value);
            prop_assert_eq!(Quantity::parse(&text).unwrap().to_string(), text);
        }

        #[test]
        fn sums_survive_text_and_bytes(parts in prop::collection::vec(quantity(), 0..20)) {
            let sum = parts.iter().fold(Sum::ZERO, |sum, part| sum + *part);
            prop_assert_eq!(Sum::parse(&sum.to_string()), Some(sum));
            prop_assert_eq!(Sum::from_le_bytes(sum.to_le_bytes()), sum);
        }

        #[test]
        fn no_text_panics(text in ".{0,60}") {
            let _ = Quantity::parse(&text);
            let _ = Sum::parse(&text);
        }

        #[test]
        fn digits_in_range_always_parse(text in r"-?[0-9]{1,18}(\.[0-9]{1,12})?") {
            prop_assert!(Quantity::parse(&text).is_ok());
        }
    }
}
