//! Shares of the load, as percentages without floats.

use std::str::FromStr;

/// A share in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share(pub u32);

impl FromStr for Share {
    type Err = String;

    /// A percentage with up to four decimals: `5`, `0.25`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || "must be a percentage from 0 to 100 with at most four decimals".to_owned();
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !(is_number(whole) && is_number(decimals) && decimals.len() <= 4 && whole.len() <= 3) {
            return Err(wrong());
        }
        let millionths = format!("{whole}{decimals:0<4}").parse().map_err(|_| wrong())?;
        if millionths > 1_000_000 { Err(wrong()) } else { Ok(Self(millionths)) }
    }
}

/// What part of the load is not ordinary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Sent again with the same content.
    pub duplicates: Share,
    /// Sent long after their event time.
    pub late: Share,
    /// Refused.
    pub bad: Share,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_read_by_its_digits() {
        for (text, millionths) in [
            ("0", 0),
            ("5", 50_000),
            ("0.25", 2_500),
            ("12.0001", 120_001),
            ("100", 1_000_000),
            ("100.0000", 1_000_000),
        ] {
            assert_eq!(text.parse(), Ok(Share(millionths)), "{text}");
        }
        for bad in ["", "-1", "100.0001", "101", "1.", ".5", "1e1", "0.00001", "1 %", "1000"] {
            assert!(bad.parse::<Share>().is_err(), "{bad}");
        }
    }
}
