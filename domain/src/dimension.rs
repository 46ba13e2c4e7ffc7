//! Dimensions of a pulse, and the aggregation group that the declared ones make.

use crate::reject::{Reject, RejectReason};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The most dimensions of one pulse.
pub const DIMENSIONS_MAX: usize = 16;
/// The most dimensions a SKU may declare to group by.
pub const DECLARED_MAX: usize = 3;
const VALUE_BYTES_MAX: usize = 256;
/// The unreserved characters of RFC 3986 stand as they are.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A pulse's dimensions: at most 16, keys sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dimensions(BTreeMap<Arc<str>, Arc<str>>);

/// Whether a key follows `^[a-z][a-z0-9_]{0,62}$`.
pub fn is_key(key: &str) -> bool {
    let mut bytes = key.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_lowercase());
    first
        && key.len() <= 63
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

impl Dimensions {
    /// Checks every key and value and their number.
    pub fn parse<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Reject> {
        let mut dimensions = BTreeMap::new();
        for (key, value) in pairs {
            let limit =
                |field: String, rule: &str| Err(Reject::new(RejectReason::DimensionLimit, field, rule));
            if !is_key(key) {
                let shown: String = key.chars().take(64).collect();
                return limit(format!("dimensions.{shown}"), "must have a key of ^[a-z][a-z0-9_]{0,62}$");
            }
            if value.len() > VALUE_BYTES_MAX {
                return limit(format!("dimensions.{key}"), "must be at most 256 bytes");
            }
            dimensions.insert(Arc::from(key), Arc::from(value));
            if dimensions.len() > DIMENSIONS_MAX {
                return limit("dimensions".to_owned(), "must be at most 16");
            }
        }
        Ok(Self(dimensions))
    }

    /// Keys and values, keys rising.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// The value of a key.
    pub fn find(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|value| &**value)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them as canonical text, in the spelling of a [`Group`].
    pub fn canonical(&self) -> Arc<str> {
        canonical(self.iter())
    }

    /// Reads the text that [`Self::canonical`] writes.
    pub fn from_canonical(text: &str) -> Option<Self> {
        let pairs = decode(text)?;
        Self::parse(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))).ok()
    }

    /// The group these dimensions fall in, where a SKU declares `keys`.
    pub fn group<'a>(&self, keys: impl IntoIterator<Item = &'a str>) -> Group {
        let mut declared: Vec<&str> = keys.into_iter().collect();
        declared.sort_unstable();
        let pairs = declared.iter().filter_map(|key| Some((*key, self.find(key)?)));
        Group(canonical(pairs))
    }
}

/// An aggregation group: `key=value` percent-encoded, keys sorted, joined by `&`; empty where none was sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group(Arc<str>);

impl Group {
    /// The group of pulses without declared dimensions.
    pub fn none() -> Self {
        Self("".into())
    }

    /// From stored canonical text.
    pub fn from_canonical(text: &str) -> Self {
        Self(text.into())
    }

    /// From stored canonical text that stays shared.
    pub fn from_shared(text: &Arc<str>) -> Self {
        Self(Arc::clone(text))
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The canonical text, shared.
    pub fn to_shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    /// Its dimensions, decoded.
    pub fn pairs(&self) -> Vec<(String, String)> {
        decode(&self.0).unwrap_or_default()
    }

    /// The value of one dimension.
    pub fn find(&self, key: &str) -> Option<String> {
        self.pairs().into_iter().find_map(|(name, value)| (name == key).then_some(value))
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn canonical<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Arc<str> {
    let encoded = pairs.map(|(key, value)| format!("{key}={}", utf8_percent_encode(value, ENCODED)));
    encoded.collect::<Vec<_>>().join("&").into()
}

fn decode(text: &str) -> Option<Vec<(String, String)>> {
    let pair = |part: &str| {
        let (key, value) = part.split_once('=')?;
        let value = percent_decode_str(value).decode_utf8().ok()?;
        Some((key.to_owned(), value.into_owned()))
    };
    text.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_group_is_canonical_text_of_the_declared_dimensions_that_were_sent() {
        let dimensions = Dimensions::parse([("zone", "a&b=c"), ("region", "eu-1"), ("extra", "x")]).unwrap();
        let group = dimensions.group(["zone", "region", "absent"]);
        assert_eq!(group.as_str(), "region=eu-1&zone=a%26b%3Dc");
        assert_eq!(group.find("zone").as_deref(), Some("a&b=c"));
        assert_eq!(dimensions.group([]), Group::none());
    }

    #[test]
    fn bounds_are_refused_by_name() {
        let many: Vec<(String, String)> = (0..17).map(|n| (format!("k{n}"), String::new())).collect();
        let reject = Dimensions::parse(many.iter().map(|(k, v)| (k.as_str(), v.as_str()))).unwrap_err();
        assert_eq!((reject.reason, reject.field.as_str()), (RejectReason::DimensionLimit, "dimensions"));
        let reject = Dimensions::parse([("region", "x".repeat(257).as_str())]).unwrap_err();
        assert_eq!(reject.field, "dimensions.region");
        assert!(Dimensions::parse([("Region", "x")]).is_err());
    }

    proptest! {
        #[test]
        fn canonical_text_reads_back(pairs in prop::collection::btree_map("[a-z][a-z0-9_]{0,8}", ".{0,20}", 0..6)) {
            let dimensions = Dimensions::parse(pairs.iter().map(|(k, v)| (k.as_str(), v.as_str()))).unwrap();
            prop_assert_eq!(Dimensions::from_canonical(&dimensions.canonical()), Some(dimensions));
        }
    }
}
