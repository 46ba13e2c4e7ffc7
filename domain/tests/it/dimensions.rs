//! Dimensions at their bounds, and the groups they make.

use domain::dimension::{DIMENSIONS_MAX, Dimensions, Group, is_key};
use domain::reject::RejectReason;
use proptest::prelude::*;

fn parse(pairs: &[(&str, &str)]) -> Dimensions {
    Dimensions::parse(pairs.iter().copied()).unwrap()
}

fn field_of_refusal(pairs: &[(&str, &str)]) -> String {
    let reject = Dimensions::parse(pairs.iter().copied()).unwrap_err();
    assert_eq!(reject.reason, RejectReason::DimensionLimit);
    assert!(reject.message.starts_with(&reject.field), "{reject}");
    reject.field
}

#[test]
fn a_key_is_lower_case_and_begins_with_a_letter() {
    let longest = format!("a{}", "9".repeat(62));
    for good in ["a", "region", "a_1", "z9_", &longest] {
        assert!(is_key(good), "{good}");
    }
    let too_long = format!("a{}", "9".repeat(63));
    for bad in ["", "_a", "1a", "A", "aB", "a-b", "a b", "ä", "a\u{0}", &too_long] {
        assert!(!is_key(bad), "{bad}");
    }
}

#[test]
fn a_refusal_names_the_dimension_at_fault() {
    let long = "v".repeat(257);
    assert_eq!(field_of_refusal(&[("region", &long)]), "dimensions.region");
    assert_eq!(field_of_refusal(&[("ok", "1"), ("Not Ok", "1")]), "dimensions.Not Ok");
    let endless = "K".repeat(1_000);
    assert_eq!(field_of_refusal(&[(&endless, "1")]).len(), "dimensions.".len() + 64, "and not all of it");
    assert_eq!(parse(&[("region", &long[1..])]).find("region").map(str::len), Some(256));
}

#[test]
fn sixteen_dimensions_fit_and_a_key_sent_twice_counts_once() {
    let keys: Vec<String> = (0..=DIMENSIONS_MAX).map(|number| format!("k{number}")).collect();
    let pairs: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "")).collect();
    assert_eq!(DIMENSIONS_MAX, 16);
    assert_eq!(field_of_refusal(&pairs), "dimensions");
    let sixteen = parse(&pairs[..16]);
    assert_eq!(sixteen.iter().count(), 16);
    let again: Vec<(&str, &str)> = pairs[..16].iter().chain(&pairs[..16]).copied().collect();
    assert_eq!(parse(&again), sixteen);
    assert_eq!(parse(&[("a", "first"), ("a", "last")]).find("a"), Some("last"));
}

#[test]
fn dimensions_are_sorted_whatever_the_order_they_came_in() {
    let one = parse(&[("b", "2"), ("a", "1"), ("c", "")]);
    let other = parse(&[("c", ""), ("a", "1"), ("b", "2")]);
    assert_eq!(one, other);
    assert_eq!(one.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "2"), ("c", "")]);
    assert_eq!(&*one.canonical(), "a=1&b=2&c=");
    assert!(Dimensions::default().is_empty() && !one.is_empty());
    assert_eq!(one.find("d"), None);
}

/// RFC 3986: all but letters, digits and `-._~` are percent-encoded, byte by byte.
#[test]
fn values_are_encoded_as_a_uri_says() {
    for (value, encoded) in [
        ("eu-1", "eu-1"),
        ("a.b_c~d", "a.b_c~d"),
        ("a b", "a%20b"),
        ("100%", "100%25"),
        ("k=v&x", "k%3Dv%26x"),
        ("é", "%C3%A9"),
        ("\u{0}/", "%00%2F"),
    ] {
        let dimensions = parse(&[("k", value)]);
        assert_eq!(&*dimensions.canonical(), format!("k={encoded}"));
        assert_eq!(dimensions.group(["k"]).find("k").as_deref(), Some(value));
    }
}

#[test]
fn a_group_holds_what_is_declared_and_was_sent_in_order_of_keys() {
    let dimensions = parse(&[("zone", "1"), ("region", "eu"), ("extra", "x")]);
    for (declared, text) in [
        (vec!["zone", "region"], "region=eu&zone=1"),
        (vec!["region", "zone"], "region=eu&zone=1"),
        (vec!["absent", "zone"], "zone=1"),
        (vec!["absent"], ""),
        (vec![], ""),
    ] {
        let group = dimensions.group(declared.iter().copied());
        assert_eq!(group.to_string(), text, "{declared:?}");
        assert_eq!(group, Group::from_canonical(text));
        assert_eq!(group == Group::none(), text.is_empty());
    }
    let group = Group::from_canonical("region=eu&zone=1");
    assert_eq!(group.pairs(), [("region".to_owned(), "eu".to_owned()), ("zone".to_owned(), "1".to_owned())]);
    assert_eq!((group.find("zone").as_deref(), group.find("extra")), (Some("1"), None));
    assert_eq!(&*group.to_shared(), group.as_str());
}

#[test]
fn stored_text_that_breaks_a_rule_is_none() {
    for bad in ["a", "a=1&b", "A=1", "a=%FF", "=1"] {
        assert_eq!(Dimensions::from_canonical(bad), None, "{bad}");
    }
    assert_eq!(Dimensions::from_canonical(""), Some(Dimensions::default()));
    assert_eq!(Group::from_canonical("a").pairs(), [], "a group that cannot be read has no dimensions");
}

proptest! {
    #[test]
    fn a_group_of_all_keys_is_the_canonical_text(pairs in prop::collection::btree_map("[a-z][a-z0-9_]{0,5}", ".{0,20}", 0..8)) {
        let dimensions = Dimensions::parse(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))).unwrap();
        let group = dimensions.group(pairs.keys().map(String::as_str));
        prop_assert_eq!(group.as_str(), &*dimensions.canonical());
        prop_assert!(group.as_str().is_ascii());
        let wanted: Vec<(String, String)> = pairs.into_iter().collect();
        prop_assert_eq!(group.pairs(), wanted);
    }

    #[test]
    fn no_text_panics(text in ".{0,60}", key in ".{0,80}") {
        let _ = (Dimensions::from_canonical(&text), Group::from_canonical(&text).pairs(), is_key(&key));
        let _ = Dimensions::parse([(key.as_str(), text.as_str())]);
    }
}
