//! Quantities and their sums against whole numbers of any size.

use domain::quantity::{Quantity, Sum};
use domain::reject::RejectReason;
use num_bigint::BigInt;
use num_rational::BigRational;
use proptest::prelude::*;

const ATOMS: i128 = 1_000_000_000_000;
const ATOMS_MAX: i128 = 999_999_999_999_999_999_999_999_999_999;

/// The rule of text, by hand: sign, digits before and after the point, counted in 10^-12.
fn atoms_of(text: &str) -> BigInt {
    let digits = text.trim_start_matches('-');
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let padded = format!("{whole}{fraction:0<12}");
    let atoms: BigInt = padded.parse().unwrap();
    if text.starts_with('-') { -atoms } else { atoms }
}

fn sum(parts: &[Quantity]) -> Sum {
    parts.iter().fold(Sum::ZERO, |sum, part| sum + *part)
}

#[test]
fn the_largest_and_the_least_quantity_are_eighteen_and_twelve_nines() {
    let largest = "999999999999999999.999999999999";
    assert_eq!(Quantity::parse(largest).unwrap().atoms(), ATOMS_MAX);
    let least = Quantity::parse(&format!("-{largest}")).unwrap();
    assert_eq!(least, Quantity::from_atoms(ATOMS_MAX).unwrap().negated());
    for beyond in [ATOMS_MAX + 1, -ATOMS_MAX - 1, i128::MAX, i128::MIN] {
        assert_eq!(Quantity::from_atoms(beyond), None, "{beyond}");
    }
}

#[test]
fn whole_numbers_of_eighteen_digits_fit_and_no_more() {
    let largest = 999_999_999_999_999_999;
    assert_eq!(Quantity::from_integer(largest).unwrap().to_string(), largest.to_string());
    assert_eq!(Quantity::from_integer(-largest).unwrap().to_string(), (-largest).to_string());
    assert_eq!(Quantity::from_integer(largest + 1), None);
    assert_eq!(Quantity::from_integer(i64::MIN), None);
    assert_eq!(Quantity::from_integer(1), Some(Quantity::ONE));
    assert_eq!(Quantity::from_integer(0), Some(Quantity::ZERO));
}

#[test]
fn only_what_is_below_zero_corrects() {
    for (text, is_negative) in [("-0.000000000001", true), ("-0", false), ("0", false), ("0.1", false)] {
        assert_eq!(Quantity::parse(text).unwrap().is_negative(), is_negative, "{text}");
    }
}

#[test]
fn each_part_has_its_own_bound() {
    for (text, is_exact) in [
        ("123456789012345678", true),
        ("1234567890123456789", false),
        ("000000000000000001", true),
        ("0000000000000000001", false),
        ("0.123456789012", true),
        ("0.1234567890123", false),
        ("0.1000000000000", false),
        ("-0.0", true),
        ("-", false),
        ("-.1", false),
        ("1.-1", false),
        ("1-", false),
        ("１", false),
        ("1_000", false),
        ("1\u{0}", false),
        ("infinity", false),
    ] {
        let parsed = Quantity::parse(text);
        assert_eq!(parsed.is_ok(), is_exact, "{text}");
        if let Err(reject) = parsed {
            assert_eq!((reject.reason, reject.field.as_str()), (RejectReason::InvalidQuantity, "quantity"));
            assert!(reject.message.contains("exact decimal"), "{reject}");
        }
    }
}

#[test]
fn sums_pass_what_one_quantity_can_be_without_losing_a_digit() {
    let largest = Quantity::from_atoms(ATOMS_MAX).unwrap();
    let thousand = sum(&[largest; 1_000]);
    assert_eq!(thousand.to_string(), "999999999999999999999.999999999");
    let back = (0..1_000).fold(thousand, |sum, _| sum + largest.negated());
    assert!(back.is_zero() && back == Sum::default());
    assert_eq!(Sum::from(largest).to_string(), largest.to_string());
}

#[test]
fn a_sum_reads_what_it_writes_and_nothing_else() {
    for (text, normal) in
        [("0", "0"), ("-0", "0"), ("-1.50", "-1.5"), ("007", "7"), ("1.000000000001", "1.000000000001")]
    {
        assert_eq!(Sum::parse(text).unwrap().to_string(), normal);
    }
    let hundred_digits = "9".repeat(100);
    let texts = [
        "",
        "-",
        ".5",
        "5.",
        "1.0000000000001",
        "+1",
        "1e3",
        " 1",
        "1 ",
        "1..2",
        "1.2.3",
        "--1",
        &hundred_digits,
    ];
    for text in texts {
        assert_eq!(Sum::parse(text), None, "{text}");
    }
}

/// 1.5 in 10^-12 is `0x015d_3ef7_9800`.
#[test]
fn the_bytes_of_a_sum_are_two_complement_from_the_least() {
    let mut bytes = [0; 32];
    bytes[..6].copy_from_slice(&[0x00, 0x98, 0xf7, 0x3e, 0x5d, 0x01]);
    assert_eq!(Sum::parse("1.5").unwrap().to_le_bytes(), bytes);
    let minus_one_atom = Sum::parse("-0.000000000001").unwrap();
    assert_eq!(minus_one_atom.to_le_bytes(), [0xff; 32]);
    assert_eq!(Sum::from_le_bytes([0xff; 32]), minus_one_atom);
}

proptest! {
    #[test]
    fn text_is_read_by_its_digits(text in r"-?[0-9]{1,18}(\.[0-9]{1,12})?") {
        prop_assert_eq!(BigInt::from(Quantity::parse(&text).unwrap().atoms()), atoms_of(&text));
    }

    #[test]
    fn a_sum_is_the_sum_of_the_digits(texts in prop::collection::vec(r"-?[0-9]{1,18}(\.[0-9]{1,12})?", 0..50)) {
        let parts: Vec<Quantity> = texts.iter().map(|text| Quantity::parse(text).unwrap()).collect();
        let wanted: BigInt = texts.iter().map(|text| atoms_of(text)).sum();
        let found = sum(&parts);
        prop_assert_eq!(found.to_rational(), BigRational::new(wanted, ATOMS.into()));
        let halves = parts.split_at(parts.len() / 2);
        let mut added = sum(halves.0);
        added += sum(halves.1);
        prop_assert_eq!(added, found);
        let reversed = parts.iter().rev().map(|part| Sum::from(*part)).sum::<Sum>();
        prop_assert_eq!(reversed, found);
    }

    #[test]
    fn order_is_the_order_of_numbers(one in -ATOMS_MAX..=ATOMS_MAX, other in -ATOMS_MAX..=ATOMS_MAX) {
        let (left, right) = (Quantity::from_atoms(one).unwrap(), Quantity::from_atoms(other).unwrap());
        prop_assert_eq!(left.cmp(&right), one.cmp(&other));
        prop_assert_eq!(Sum::from(left).cmp(&Sum::from(right)), one.cmp(&other));
        prop_assert_eq!(left.negated().atoms(), -one);
    }

    #[test]
    fn normal_forms_have_no_idle_zero_and_one_spelling(atoms in -ATOMS_MAX..=ATOMS_MAX) {
        let text = Quantity::from_atoms(atoms).unwrap().to_string();
        let digits = text.trim_start_matches('-');
        prop_assert!(!digits.starts_with("00") && (digits == "0" || !digits.starts_with('0') || digits.starts_with("0.")));
        prop_assert!(!digits.contains('.') || !(digits.ends_with('0') || digits.ends_with('.')));
        prop_assert_eq!(atoms_of(&text), BigInt::from(atoms));
    }
}
