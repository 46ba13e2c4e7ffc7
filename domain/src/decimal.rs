//! Exact decimals: the one grammar of quantities, prices and amounts, and the one rounding.

use num_bigint::{BigInt, Sign};
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Zero};
use std::fmt;
use std::iter;
use std::ops::{Add, Sub};

/// Places after the point that every fixed-point value here has.
pub(crate) const PLACES: usize = 12;
/// Ten to the power of [`PLACES`].
pub(crate) const ONE: i128 = 1_000_000_000_000;

/// How long each part of a decimal may be.
#[derive(Clone, Copy)]
pub(crate) struct Grammar {
    pub integer_digits_max: usize,
    pub negative: bool,
}

/// Reads `^-?[0-9]{1,n}(\.[0-9]{1,12})?$` as a count of 10^-12. `None`: the text breaks the rule.
pub(crate) fn parse(text: &str, grammar: Grammar) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if negative && !grammar.negative {
        return None;
    }
    let (integer, fraction) = match digits.split_once('.') {
        Some((integer, fraction)) if !fraction.is_empty() => (integer, fraction),
        Some(_) => return None,
        None => (digits, ""),
    };
    let fits = (1..=grammar.integer_digits_max).contains(&integer.len()) && fraction.len() <= PLACES;
    if !fits {
        return None;
    }
    let padding = PLACES - fraction.len();
    let all = integer.bytes().chain(fraction.bytes()).chain(std::iter::repeat_n(b'0', padding));
    let mut value: i128 = 0;
    for byte in all {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
    }
    Some(if negative { -value } else { value })
}

/// Writes sign and the digits of a magnitude that counts 10^-12, without trailing zeros: the normal form.
pub(crate) fn write(f: &mut fmt::Formatter<'_>, negative: bool, magnitude: &str) -> fmt::Result {
    let padded = format!("{magnitude:0>width$}", width = PLACES + 1);
    let (integer, fraction) = padded.split_at(padded.len() - PLACES);
    let fraction = fraction.trim_end_matches('0');
    if negative {
        f.write_str("-")?;
    }
    f.write_str(integer)?;
    if !fraction.is_empty() {
        write!(f, ".{fraction}")?;
    }
    Ok(())
}

/// An exact decimal of any size with 12 places: what an exact fraction becomes where it is written down.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(BigInt);

impl Decimal {
    /// The value rounded half-even to `places`, at most 12.
    pub fn round_half_even(value: &BigRational, places: u32) -> Self {
        let places = places.min(12);
        let scaled = value.numer() * BigInt::from(10).pow(places);
        Self(half_even(&scaled, value.denom()) * BigInt::from(10).pow(12 - places))
    }

    /// The value that counts `atoms` of 10^-12.
    pub const fn from_atoms(atoms: BigInt) -> Self {
        Self(atoms)
    }

    /// How many 10^-12 it counts.
    pub const fn atoms(&self) -> &BigInt {
        &self.0
    }

    /// Reads the text that [`fmt::Display`] writes: a decimal of any length with at most 12 places.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (integer, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let numeric = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !numeric(integer) || !numeric(fraction) || fraction.len() > PLACES {
            return None;
        }
        let magnitude: BigInt = format!("{integer}{fraction:0<PLACES$}").parse().ok()?;
        Some(Self(if digits.len() < text.len() { -magnitude } else { magnitude }))
    }

    /// The exact value.
    pub fn to_rational(&self) -> BigRational {
        BigRational::new(self.0.clone(), BigInt::from(ONE))
    }

    /// Whether it is nothing.
    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }
}

/// The whole number nearest to a fraction of positive denominator; of two equally near, the even one.
fn half_even(numerator: &BigInt, denominator: &BigInt) -> BigInt {
    let (floor, rest) = numerator.div_mod_floor(denominator);
    let twice: BigInt = rest * 2;
    let up = match twice.cmp(denominator) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => floor.is_odd(),
    };
    if up { floor + BigInt::one() } else { floor }
}

impl Add for Decimal {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Decimal {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl iter::Sum for Decimal {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), Add::add)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.0.sign() == Sign::Minus, &self.0.magnitude().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_of_any_size_read_back() {
        let long = format!("-{}.000000000001", "9".repeat(120));
        assert_eq!(Decimal::parse(&long).unwrap().to_string(), long);
        assert_eq!(Decimal::parse("-0.0"), Some(Decimal::default()));
        for bad in ["", "-", ".5", "1.", "1.0000000000001", "+1", "--1", "1e3", " 1"] {
            assert_eq!(Decimal::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_decimal_reads_back_from_its_text(atoms in any::<i128>()) {
            let decimal = Decimal::from_atoms(atoms.into());
            prop_assert_eq!(Decimal::parse(&decimal.to_string()), Some(decimal));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = Decimal::parse(&text);
        }
    }
}
