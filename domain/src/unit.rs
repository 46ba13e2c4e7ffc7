//! Units: a registry of dimensions with exact rational conversion.

use crate::id::UnitId;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed};
use std::collections::BTreeMap;

/// What a unit measures and how many base units one of it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// `time`, `data`, `data.time`, `token`: only units of one dimension convert.
    pub dimension: String,
    /// Base units in one of it.
    pub factor: BigRational,
}

/// A text that is no factor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a positive whole number or fraction such as 1024/1")]
pub struct FactorError;

/// Reads `1024` or `1024/1`, positive, at most 40 digits each.
pub fn parse_factor(text: &str) -> Result<BigRational, FactorError> {
    let whole = |part: &str| -> Result<BigInt, FactorError> {
        let shaped = (1..=40).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        let number: BigInt = part.parse().map_err(|_| FactorError)?;
        (shaped && number.is_positive()).then_some(number).ok_or(FactorError)
    };
    let (numerator, denominator) = text.split_once('/').unwrap_or((text, "1"));
    Ok(BigRational::new(whole(numerator)?, whole(denominator)?))
}

/// The known units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Units(BTreeMap<UnitId, Unit>);

/// Built-in simple units: name, dimension, base units in one.
const BUILT_IN: &[(&str, &str, u64)] = &[
    ("s", "time", 1),
    ("min", "time", 60),
    ("h", "time", 3_600),
    ("d", "time", 86_400),
    ("B", "data", 1),
    ("kB", "data", 1_000),
    ("MB", "data", 1_000_000),
    ("GB", "data", 1_000_000_000),
    ("TB", "data", 1_000_000_000_000),
    ("PB", "data", 1_000_000_000_000_000),
    ("KiB", "data", 1 << 10),
    ("MiB", "data", 1 << 20),
    ("GiB", "data", 1 << 30),
    ("TiB", "data", 1 << 40),
    ("PiB", "data", 1 << 50),
    ("request", "request", 1),
    ("api_call", "api_call", 1),
    ("token", "token", 1),
    ("item", "item", 1),
];

impl Units {
    /// The units that rules version 1 knows from the start.
    pub fn built_in() -> Self {
        let unit = |(name, dimension, factor): &(&str, &str, u64)| {
            let id = UnitId::parse(name).expect("built-in units have valid names");
            let factor = BigRational::from_integer(BigInt::from(*factor));
            (id, Unit { dimension: (*dimension).to_owned(), factor })
        };
        Self(BUILT_IN.iter().map(unit).collect())
    }

    /// Adds or replaces one.
    pub fn put(&mut self, id: UnitId, unit: Unit) {
        self.0.insert(id, unit);
    }

    /// The simple units by name.
    pub fn iter(&self) -> impl Iterator<Item = (&UnitId, &Unit)> {
        self.0.iter()
    }

    /// A unit by name: a simple one, or a product of them such as `GB.s`.
    pub fn find(&self, id: &UnitId) -> Option<Unit> {
        if let Some(unit) = self.0.get(id) {
            return Some(unit.clone());
        }
        let mut dimensions = Vec::new();
        let mut factor = BigRational::one();
        for part in id.as_str().split('.') {
            let unit = self.0.get(&UnitId::parse(part).ok()?)?;
            dimensions.push(unit.dimension.as_str());
            factor *= &unit.factor;
        }
        dimensions.sort_unstable();
        Some(Unit { dimension: dimensions.join("."), factor })
    }

    /// What one `from` is in `to`. `None`: a unit is unknown, or they measure different things.
    pub fn conversion(&self, from: &UnitId, to: &UnitId) -> Option<BigRational> {
        let (from, to) = (self.find(from)?, self.find(to)?);
        (from.dimension == to.dimension).then(|| from.factor / to.factor)
    }
}

/// Common spellings, accepted where the original service's `use_unity` is used: `gb` → `GB`, `GB x seg` → `GB.s`.
pub fn canonical_spelling(text: &str) -> String {
    let joined = text.replace([' ', '_'], "").replace(['×', '*', '·'], ".").to_lowercase();
    let with_points =
        joined.split('.').flat_map(split_product).map(|part| simple_spelling(&part)).collect::<Vec<_>>();
    let known = with_points.iter().all(Option::is_some);
    if !known || with_points.is_empty() {
        return text.to_owned();
    }
    with_points.into_iter().flatten().collect::<Vec<_>>().join(".")
}

/// `gbxseg` is a product: an x between two parts that are both spellings.
fn split_product(part: &str) -> Vec<String> {
    if simple_spelling(part).is_some() {
        return vec![part.to_owned()];
    }
    match part.split_once('x') {
        Some((left, right)) => vec![left.to_owned(), right.to_owned()],
        None => vec![part.to_owned()],
    }
}

fn simple_spelling(lower: &str) -> Option<&'static str> {
    let alias = match lower {
        "sec" | "secs" | "second" | "seconds" | "seg" | "segs" | "segundo" | "segundos" => Some("s"),
        "mins" | "minute" | "minutes" | "minuto" | "minutos" => Some("min"),
        "hr" | "hrs" | "hour" | "hours" | "hora" | "horas" => Some("h"),
        "day" | "days" | "dia" | "dias" => Some("d"),
        "byte" | "bytes" => Some("B"),
        "requests" | "req" => Some("request"),
        "apicall" | "apicalls" => Some("api_call"),
        "tokens" => Some("token"),
        "items" => Some("item"),
        _ => None,
    };
    let built_in = || BUILT_IN.iter().map(|(name, _, _)| *name).find(|name| name.to_lowercase() == lower);
    alias.or_else(built_in)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(text: &str) -> UnitId {
        UnitId::parse(text).unwrap()
    }

    fn ratio(numerator: i64, denominator: i64) -> BigRational {
        BigRational::new(numerator.into(), denominator.into())
    }

    #[test]
    fn conversion_is_exact_within_a_dimension_only() {
        let units = Units::built_in();
        assert_eq!(units.conversion(&id("GiB"), &id("GB")), Some(ratio(1_073_741_824, 1_000_000_000)));
        assert_eq!(units.conversion(&id("s"), &id("h")), Some(ratio(1, 3_600)));
        assert_eq!(units.conversion(&id("GB.s"), &id("h.GB")), Some(ratio(1, 3_600)));
        assert_eq!(units.conversion(&id("GB"), &id("s")), None);
        assert_eq!(units.conversion(&id("GB.s"), &id("GB")), None);
        assert_eq!(units.conversion(&id("furlong"), &id("s")), None);
    }

    #[test]
    fn factors_are_positive_fractions() {
        assert_eq!(parse_factor("1024/1"), Ok(ratio(1024, 1)));
        assert_eq!(parse_factor("1/3"), Ok(ratio(1, 3)));
        for bad in ["", "0", "1/0", "-1", "1.5", "1/2/3", "x"] {
            assert_eq!(parse_factor(bad), Err(FactorError), "{bad}");
        }
    }

    #[test]
    fn common_spellings_find_their_unit() {
        for (text, unit) in [
            ("kb", "kB"),
            ("KB", "kB"),
            ("gb", "GB"),
            ("GB x seg", "GB.s"),
            ("GB.s", "GB.s"),
            ("gib", "GiB"),
            ("hours", "h"),
            ("api call", "api_call"),
            ("MIN", "min"),
            ("furlong", "furlong"),
            ("x", "x"),
            ("", ""),
        ] {
            assert_eq!(canonical_spelling(text), unit, "{text}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back_is_one(from in 0_usize..BUILT_IN.len(), to in 0_usize..BUILT_IN.len()) {
            let units = Units::built_in();
            let (from, to) = (id(BUILT_IN[from].0), id(BUILT_IN[to].0));
            if let Some(there) = units.conversion(&from, &to) {
                prop_assert_eq!(there * units.conversion(&to, &from).unwrap(), BigRational::one());
            }
        }

        #[test]
        fn no_spelling_panics(text in ".{0,40}") {
            let _ = canonical_spelling(&text);
        }
    }
}
