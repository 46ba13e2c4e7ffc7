//! Prices, amounts and currencies: exact, rounded once and half-even.

use domain::decimal::Decimal;
use domain::money::{Amount, Currency, Money, Price};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Signed;
use proptest::prelude::*;

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

fn ratio(numerator: i64, denominator: i64) -> BigRational {
    BigRational::new(numerator.into(), denominator.into())
}

/// Half-even by comparing with the two neighbours, the even one preferred.
fn nearest(value: &BigRational, places: u32) -> BigRational {
    let unit = BigRational::new(1.into(), BigInt::from(10).pow(places));
    let below = (value / &unit).floor();
    let above = &below + BigRational::from_integer(1.into());
    let (down, up) = (value / &unit - &below, &above - value / &unit);
    let is_even = |whole: &BigRational| whole.to_integer() % BigInt::from(2) == BigInt::from(0);
    let rounded = if down < up || (down == up && is_even(&below)) { below } else { above };
    rounded * unit
}

/// ISO 4217 table A.1: the currencies of some countries, by the digits of their minor unit.
#[test]
fn minor_units_are_those_of_the_standard() {
    for (digits, codes) in [
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        (2, "USD EUR GBP CHF INR BRL CNY MXN SEK ZAR"),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
        (4, "CLF UYW"),
    ] {
        for code in codes.split(' ') {
            assert_eq!(currency(code).minor_digits(), digits, "{code}");
            assert_eq!(currency(code).to_string(), code);
        }
    }
}

#[test]
fn a_currency_is_three_capitals() {
    for bad in ["", "US", "USDX", "usd", "Usd", "U$D", "US1", "ÜSD", "US "] {
        let error = Currency::parse(bad).unwrap_err();
        assert!(error.to_string().contains("three capital letters"), "{bad}: {error}");
    }
}

#[test]
fn a_price_has_twelve_digits_on_either_side_of_the_point() {
    for (text, normal) in [
        ("999999999999.999999999999", "999999999999.999999999999"),
        ("000000000001.50", "1.5"),
        ("0", "0"),
        ("0.000000000001", "0.000000000001"),
    ] {
        let price = Price::parse(text).unwrap();
        assert_eq!((price.to_string().as_str(), price.is_zero()), (normal, normal == "0"), "{text}");
    }
    for bad in ["-1", "-0", "1234567890123", "0.0000000000001", "", ".", "1.", ".1", "1,5", "1e1", "+1"] {
        let error = Price::parse(bad).unwrap_err();
        assert!(error.to_string().contains("exact decimal"), "{bad}: {error}");
    }
}

#[test]
fn rounding_to_a_minor_unit_is_the_currencys_own() {
    for (text, code, rounded) in [
        ("2.345", "USD", "2.34"),
        ("2.355", "USD", "2.36"),
        ("2.345000000001", "USD", "2.35"),
        ("-2.345", "USD", "-2.34"),
        ("0.5", "JPY", "0"),
        ("1.5", "JPY", "2"),
        ("2.5", "JPY", "2"),
        ("1.0005", "BHD", "1"),
        ("1.0015", "BHD", "1.002"),
        ("0.00005", "CLF", "0"),
        ("0.00015", "CLF", "0.0002"),
    ] {
        assert_eq!(amount(text).rounded_to(currency(code)), amount(rounded), "{text} {code}");
    }
}

#[test]
fn an_amount_is_shown_with_its_minor_unit_and_never_cut() {
    for (text, code, shown) in [
        ("0", "USD", "0.00 USD"),
        ("1.5", "USD", "1.50 USD"),
        ("-1", "USD", "-1.00 USD"),
        ("0.123456789012", "USD", "0.123456789012 USD"),
        ("5", "JPY", "5 JPY"),
        ("5.25", "JPY", "5.25 JPY"),
        ("7.1", "KWD", "7.100 KWD"),
        ("7", "CLF", "7.0000 CLF"),
    ] {
        assert_eq!(Money { amount: amount(text), currency: currency(code) }.to_string(), shown);
    }
}

#[test]
fn sums_of_money_keep_to_one_currency() {
    let money = |text: &str, code: &str| Money { amount: amount(text), currency: currency(code) };
    let sum = money("0.1", "EUR").checked_add(money("0.2", "EUR"));
    assert_eq!(sum, Some(money("0.3", "EUR")));
    assert_eq!(money("0.1", "EUR").checked_add(money("0.2", "USD")), None);
}

#[test]
fn differences_add_up_to_the_whole() {
    let running = ["0", "0.333333333333", "0.666666666667", "1"].map(amount);
    let parts: Vec<Amount> = running.windows(2).map(|pair| pair[1].clone() - pair[0].clone()).collect();
    assert_eq!(
        parts.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["0.333333333333", "0.333333333334", "0.333333333333"]
    );
    assert_eq!(parts.into_iter().sum::<Amount>(), amount("1"));
}

#[test]
fn an_amount_that_is_no_decimal_is_refused() {
    for bad in ["", "1.0000000000001", "1e3", "0x1", "1 USD", "-", "1."] {
        assert!(Amount::parse(bad).unwrap_err().to_string().contains("at most 12 places"), "{bad}");
    }
    assert!(amount("0").is_zero() && amount("-0.0").is_zero() && !amount("0.000000000001").is_zero());
}

#[test]
fn a_decimal_counts_atoms_of_any_size() {
    let atoms: BigInt = BigInt::from(10).pow(60) + 1;
    let decimal = Decimal::from_atoms(atoms.clone());
    assert_eq!(decimal.atoms(), &atoms);
    assert_eq!(decimal.to_string(), format!("1{}.000000000001", "0".repeat(48)));
    assert_eq!(Amount::from_atoms(atoms.clone()).atoms(), &atoms);
    let zero = decimal.clone() - decimal;
    assert!(zero.is_zero() && zero == Decimal::default());
}

/// More than twelve places are not there to be rounded to.
#[test]
fn places_beyond_twelve_are_twelve() {
    let third = ratio(1, 3);
    assert_eq!(Amount::round_half_even(&third, 40), Amount::round_half_even(&third, 12));
    assert_eq!(Decimal::round_half_even(&third, 12).to_string(), "0.333333333333");
}

proptest! {
    #[test]
    fn rounding_is_to_the_nearest_and_of_two_to_the_even(
        numerator in any::<i64>(),
        denominator in prop::sample::select(vec![1_i64, 2, 3, 7, 8, 200, 2_000, 1_000_003]),
        places in 0_u32..=12,
    ) {
        let value = ratio(numerator, denominator);
        prop_assert_eq!(Amount::round_half_even(&value, places).to_rational(), nearest(&value, places));
    }

    #[test]
    fn rounding_is_odd_and_done_once(numerator in any::<i32>(), denominator in 1_i32..5_000, places in 0_u32..=12) {
        let value = ratio(numerator.into(), denominator.into());
        let rounded = Amount::round_half_even(&value, places);
        let mirrored = Amount::round_half_even(&-value, places);
        prop_assert!((rounded.clone() + mirrored).is_zero());
        prop_assert_eq!(Amount::round_half_even(&rounded.to_rational(), places), rounded);
    }

    #[test]
    fn a_price_is_its_digits(whole in 0_u64..1_000_000_000_000, atoms in 0_u64..1_000_000_000_000) {
        let price = Price::parse(&format!("{whole}.{atoms:012}")).unwrap();
        let wanted = BigInt::from(whole) * BigInt::from(1_000_000_000_000_u64) + BigInt::from(atoms);
        prop_assert_eq!(price.to_rational(), BigRational::new(wanted, 1_000_000_000_000_u64.into()));
        prop_assert!(!price.to_rational().is_negative());
    }

    #[test]
    fn what_is_shown_is_the_amount(atoms in any::<i64>(), code in prop::sample::select(vec!["USD", "JPY", "BHD", "CLF"])) {
        let value = Amount::from_atoms(atoms.into());
        let shown = value.display_in(currency(code));
        let places = shown.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        prop_assert!(places >= currency(code).minor_digits() as usize);
        prop_assert_eq!(Amount::parse(&shown).unwrap(), value);
    }

    #[test]
    fn no_text_panics(text in ".{0,60}") {
        let _ = (Amount::parse(&text), Price::parse(&text), Currency::parse(&text), Decimal::parse(&text));
    }
}
