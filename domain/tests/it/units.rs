//! Units: exact factors, products, and which spellings are known.

use domain::id::UnitId;
use domain::unit::{Unit, Units, canonical_spelling, parse_factor};
use num_bigint::BigInt;
use num_rational::BigRational;
use proptest::prelude::*;

fn id(text: &str) -> UnitId {
    UnitId::parse(text).unwrap()
}

fn whole(number: u64) -> BigRational {
    BigRational::from_integer(BigInt::from(number))
}

/// The list of the contract, with the size of each by its definition.
#[test]
fn the_built_in_units_are_those_of_the_contract() {
    let powers = |base: u64| (1..=5_u32).map(move |exponent| base.pow(exponent));
    let decimal = ["kB", "MB", "GB", "TB", "PB"].into_iter().zip(powers(1_000));
    let binary = ["KiB", "MiB", "GiB", "TiB", "PiB"].into_iter().zip(powers(1_024));
    let mut wanted: Vec<(&str, &str, u64)> =
        decimal.chain(binary).map(|(name, size)| (name, "data", size)).collect();
    wanted.extend([("B", "data", 1), ("s", "time", 1), ("min", "time", 60)]);
    wanted.extend([("h", "time", 3_600), ("d", "time", 86_400)]);
    wanted.extend(["request", "api_call", "token", "item"].map(|name| (name, name, 1)));
    let units = Units::built_in();
    assert_eq!(units.iter().count(), wanted.len());
    for (name, dimension, size) in wanted {
        let unit = Unit { dimension: dimension.to_owned(), factor: whole(size) };
        assert_eq!(units.find(&id(name)), Some(unit), "{name}");
    }
}

#[test]
fn a_product_has_the_dimensions_and_the_factor_of_its_parts_in_any_order() {
    let units = Units::built_in();
    for (name, dimension, size) in [
        ("GB.s", "data.time", 1_000_000_000),
        ("s.GB", "data.time", 1_000_000_000),
        ("GiB.h", "data.time", (1 << 30) * 3_600),
        ("h.h", "time.time", 3_600 * 3_600),
        ("request.kB.min", "data.request.time", 60_000),
    ] {
        let unit = Unit { dimension: dimension.to_owned(), factor: whole(size) };
        assert_eq!(units.find(&id(name)), Some(unit), "{name}");
    }
    for unknown in ["GB.", "GB..s", "GB.parsec", "gb", "Gb", "x", "9"] {
        assert_eq!(units.find(&id(unknown)), None, "{unknown}");
    }
}

#[test]
fn one_unit_in_another_is_an_exact_fraction_or_nothing() {
    let units = Units::built_in();
    for (from, to, numerator, denominator) in [
        ("KiB", "kB", 1_024, 1_000),
        ("d", "h", 24, 1),
        ("s", "d", 1, 86_400),
        ("GB.h", "GB.s", 3_600, 1),
        ("MiB.s", "GiB.h", 1, 1_024 * 3_600),
        ("token", "token", 1, 1),
    ] {
        let wanted = BigRational::new(numerator.into(), denominator.into());
        assert_eq!(units.conversion(&id(from), &id(to)), Some(wanted), "{from} in {to}");
    }
    for (from, to) in [("token", "item"), ("GB", "GB.s"), ("s", "B"), ("h.h", "h"), ("x", "x"), ("s", "x")] {
        assert_eq!(units.conversion(&id(from), &id(to)), None, "{from} in {to}");
    }
}

#[test]
fn a_unit_that_is_put_is_found_alone_and_in_products_and_replaces_its_like() {
    let mut units = Units::built_in();
    let vcpu = |factor: u64| Unit { dimension: "cpu".to_owned(), factor: whole(factor) };
    units.put(id("vcpu"), vcpu(1));
    assert_eq!(units.conversion(&id("vcpu.h"), &id("vcpu.s")), Some(whole(3_600)));
    units.put(id("vcpu"), vcpu(2));
    assert_eq!(units.find(&id("vcpu")), Some(vcpu(2)));
    // A name with a point that was put by itself is that unit, not a product.
    units.put(id("GB.s"), vcpu(7));
    assert_eq!(units.find(&id("GB.s")), Some(vcpu(7)));
}

#[test]
fn a_factor_is_one_or_two_positive_whole_numbers_of_at_most_forty_digits() {
    let longest = "9".repeat(40);
    let fraction = |numerator: &str, denominator: &str| {
        BigRational::new(numerator.parse::<BigInt>().unwrap(), denominator.parse::<BigInt>().unwrap())
    };
    for (text, numerator, denominator) in [
        ("1", "1", "1"),
        ("1024/1", "1024", "1"),
        ("6/4", "3", "2"),
        ("007/1", "7", "1"),
        (longest.as_str(), longest.as_str(), "1"),
    ] {
        assert_eq!(parse_factor(text), Ok(fraction(numerator, denominator)), "{text}");
    }
    let too_long = "9".repeat(41);
    let bad =
        ["", "/", "1/", "/1", "0", "0/1", "1/0", "-1", "+1", "1.5", "1e3", " 1", "1/2/3", "٣", &too_long];
    for text in bad {
        let error = parse_factor(text).unwrap_err();
        assert!(error.to_string().contains("1024/1"), "{text}");
    }
}

#[test]
fn what_people_write_finds_the_unit_they_mean() {
    for (unit, spellings) in [
        ("s", "sec secs second seconds seg segs segundo segundos S s SEC"),
        ("min", "min mins minute minutes minuto minutos Min"),
        ("h", "h H hr hrs hour hours hora horas"),
        ("d", "d D day days dia dias"),
        ("B", "b B byte bytes BYTES"),
        ("kB", "kb KB kB Kb"),
        ("GiB", "gib GIB Gib"),
        ("request", "request requests req Requests"),
        ("api_call", "api_call apicall apicalls API_CALLS"),
        ("token", "token tokens"),
        ("item", "item items"),
        ("GB.s", "GB.s gbxseg GBxs gb*seconds GB·s gb×sec GB.seg"),
        ("GiB.h", "gibxhours GiB.hora"),
    ] {
        for spelling in spellings.split(' ') {
            assert_eq!(canonical_spelling(spelling), unit, "{spelling}");
        }
    }
}

#[test]
fn what_is_not_understood_whole_stays_as_it_was_sent() {
    for text in ["", " ", ".", "GB.", "x", "GB x", "x seg", "furlongs", "GB x parsec", "GBs", "api-call"] {
        assert_eq!(canonical_spelling(text), text);
    }
}

proptest! {
    /// Through any third unit is as good as straight.
    #[test]
    fn conversions_compose(names in prop::sample::subsequence(vec!["B", "kB", "MiB", "GB", "TiB", "PB"], 3)) {
        let units = Units::built_in();
        let [one, two, three] = [0, 1, 2].map(|index| id(names[index]));
        let through = units.conversion(&one, &two).unwrap() * units.conversion(&two, &three).unwrap();
        prop_assert_eq!(units.conversion(&one, &three), Some(through));
    }

    #[test]
    fn a_canonical_name_is_its_own_spelling(index in 0_usize..19) {
        let units = Units::built_in();
        let (name, _) = units.iter().nth(index).unwrap();
        prop_assert_eq!(canonical_spelling(name.as_str()), name.as_str());
    }

    #[test]
    fn no_text_panics(text in ".{0,60}") {
        let once = canonical_spelling(&text);
        prop_assert_eq!(canonical_spelling(&once), once.clone(), "a spelling settles at once");
        let _ = parse_factor(&text);
    }
}
