//! Money: prices and amounts as exact decimals, rounded once and by name.

use crate::decimal::{self, Decimal, Grammar};
use num_bigint::BigInt;
use num_rational::BigRational;
use std::fmt;
use std::iter;
use std::ops::{Add, Sub};

/// An ISO 4217 currency code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// A text that is no price, amount or currency.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MoneyError(&'static str);

/// The currencies of ISO 4217 (table A.1, 2026), by the decimal places of their minor unit. What has none is left out:
/// metals, units of account, codes for tests.
const BY_MINOR_DIGITS: [(u32, &str); 4] = [
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
    (
        2,
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD \
        CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS \
        GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD \
        LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB \
        PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP \
        SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (4, "CLF UYW"),
];

impl Currency {
    /// Reads the code of a currency that money is paid in.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        let code: Option<[u8; 3]> = text.as_bytes().try_into().ok();
        let code = code.filter(|code| code.iter().all(u8::is_ascii_uppercase)).map(Self);
        let code =
            code.ok_or(MoneyError("must be an ISO 4217 code of three capital letters, such as USD"))?;
        let paid = code.find_minor_digits().map(|_| code);
        paid.ok_or(MoneyError("must be an ISO 4217 code of a currency with a minor unit, such as USD"))
    }

    /// Decimal places of its minor unit.
    pub fn minor_digits(self) -> u32 {
        self.find_minor_digits().expect("a currency is one of the table")
    }

    fn find_minor_digits(self) -> Option<u32> {
        let is_it = |code: &str| code.as_bytes() == self.0;
        let row = BY_MINOR_DIGITS.iter().find(|(_, codes)| codes.split(' ').any(is_it));
        row.map(|(digits, _)| *digits)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).expect("a currency is three capital letters"))
    }
}

/// What one `per` of a unit costs: not negative, up to 12 digits before and 12 after the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(i128);

impl Price {
    /// Reads `^[0-9]{1,12}(\.[0-9]{1,12})?$`.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        let grammar = Grammar { integer_digits_max: 12, negative: false };
        let rule = MoneyError(r"must be an exact decimal, ^[0-9]{1,12}(\.[0-9]{1,12})?$");
        decimal::parse(text, grammar).map(Self).ok_or(rule)
    }

    /// Whether it costs nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The exact value for rating.
    pub fn to_rational(self) -> BigRational {
        BigRational::new(BigInt::from(self.0), BigInt::from(decimal::ONE))
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write(f, false, &self.0.to_string())
    }
}

/// An amount of money without its currency: an exact decimal of any size with 12 places.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(Decimal);

impl Amount {
    /// The value rounded half-even to `places`, at most 12.
    pub fn round_half_even(value: &BigRational, places: u32) -> Self {
        Self(Decimal::round_half_even(value, places))
    }

    /// The amount that counts `atoms` of 10^-12.
    pub const fn from_atoms(atoms: BigInt) -> Self {
        Self(Decimal::from_atoms(atoms))
    }

    /// How many 10^-12 it counts.
    pub const fn atoms(&self) -> &BigInt {
        self.0.atoms()
    }

    /// This amount rounded half-even to the currency's minor unit.
    #[must_use]
    pub fn rounded_to(&self, currency: Currency) -> Self {
        Self::round_half_even(&self.to_rational(), currency.minor_digits())
    }

    /// Reads a decimal with at most 12 places.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        Decimal::parse(text).map(Self).ok_or(MoneyError("must be an exact decimal with at most 12 places"))
    }

    /// The exact value.
    pub fn to_rational(&self) -> BigRational {
        self.0.to_rational()
    }

    /// Whether it is nothing.
    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }

    /// Text with at least the currency's minor digits: `1.50`, `0.000123`.
    pub fn display_in(&self, currency: Currency) -> String {
        let text = self.to_string();
        let places = currency.minor_digits() as usize;
        let present = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let padding = "0".repeat(places.saturating_sub(present));
        match (present, places) {
            (0, 0) => text,
            (0, _) => format!("{text}.{padding}"),
            _ => format!("{text}{padding}"),
        }
    }
}

impl Add for Amount {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Amount {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl iter::Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), Add::add)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An amount in a currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Money {
    /// How much.
    pub amount: Amount,
    /// Of what.
    pub currency: Currency,
}

impl Money {
    /// The sum; `None` where the currencies differ.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let same = self.currency == other.currency;
        same.then(|| Self { amount: self.amount + other.amount, currency: self.currency })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount.display_in(self.currency), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_traits::Signed;
    use proptest::prelude::*;

    fn ratio(numerator: i64, denominator: i64) -> BigRational {
        BigRational::new(numerator.into(), denominator.into())
    }

    #[test]
    fn ties_go_to_the_even_neighbour_on_both_sides_of_zero() {
        for (numerator, denominator, cents) in [
            (1, 200, "0"),
            (3, 200, "0.02"),
            (5, 200, "0.02"),
            (-1, 200, "0"),
            (-3, 200, "-0.02"),
            (1, 3, "0.33"),
            (-2, 3, "-0.67"),
            (501, 100_000, "0.01"),
        ] {
            assert_eq!(
                Amount::round_half_even(&ratio(numerator, denominator), 2).to_string(),
                cents,
                "{numerator}/{denominator}"
            );
        }
    }

    #[test]
    fn amounts_show_at_least_their_minor_unit() {
        let usd = Currency::parse("USD").unwrap();
        let yen = Currency::parse("JPY").unwrap();
        for (text, in_usd, in_yen) in [
            ("1.5", "1.50", "1.5"),
            ("0", "0.00", "0"),
            ("-3", "-3.00", "-3"),
            ("0.000123", "0.000123", "0.000123"),
        ] {
            let amount = Amount::parse(text).unwrap();
            assert_eq!(amount.display_in(usd), in_usd);
            assert_eq!(amount.display_in(yen), in_yen);
        }
        assert!(Currency::parse("usd").is_err() && Currency::parse("EURO").is_err());
    }

    #[test]
    fn a_currency_is_one_that_money_is_paid_in() {
        for (code, digits) in [("USD", 2), ("JPY", 0), ("BHD", 3), ("UYW", 4), ("ZWG", 2), ("AED", 2)] {
            assert_eq!(Currency::parse(code).unwrap().minor_digits(), digits, "{code}");
        }
        for bad in ["XYZ", "XXX", "XTS", "XAU", "XDR", "DEM", "usd", "US", "USDX", "   ", "ÄA"] {
            assert!(Currency::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_code_of_the_table_is_there_once() {
        let mut codes: Vec<&str> = BY_MINOR_DIGITS.iter().flat_map(|(_, codes)| codes.split(' ')).collect();
        assert!(codes.iter().all(|code| Currency::parse(code).unwrap().to_string() == *code));
        let all = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!((codes.len(), all), (164, 164));
    }

    #[test]
    fn prices_are_exact_and_not_negative() {
        assert_eq!(Price::parse("0.000000000001").unwrap().to_rational(), ratio(1, 1_000_000_000_000));
        for bad in ["-1", "", "1.0000000000001", "1000000000000", "1e2"] {
            assert!(Price::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn currencies_do_not_mix() {
        let money = |code: &str| Money {
            amount: Amount::parse("1").unwrap(),
            currency: Currency::parse(code).unwrap(),
        };
        assert_eq!(money("USD").checked_add(money("EUR")), None);
        assert_eq!(money("USD").checked_add(money("USD")).unwrap().to_string(), "2.00 USD");
    }

    proptest! {
        #[test]
        fn rounding_moves_by_at_most_half_a_unit(numerator in any::<i64>(), denominator in 1_i64..1_000_000, places in 0_u32..=12) {
            let value = ratio(numerator, denominator);
            let error = (Amount::round_half_even(&value, places).to_rational() - value).abs();
            let half = BigRational::new(1.into(), BigInt::from(2) * BigInt::from(10).pow(places));
            prop_assert!(error <= half);
        }

        #[test]
        fn an_amount_reads_back_from_its_text(numerator in any::<i64>(), denominator in 1_i64..1_000_000) {
            let amount = Amount::round_half_even(&ratio(numerator, denominator), 12);
            prop_assert_eq!(Amount::parse(&amount.to_string()), Ok(amount));
        }
    }
}
