//! Exact decimal text: the one grammar of quantities, prices and amounts.

use std::fmt;

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
