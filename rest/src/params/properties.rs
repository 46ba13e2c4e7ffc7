//! What holds for every query string.

use super::{NoParams, Params, read};
use crate::page::PageSize;
use axum::http::Uri;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Asked {
    name: Option<String>,
    sku: Vec<String>,
    top: Option<u32>,
    far: Option<i64>,
    offset: Option<u64>,
    dry_run: Option<bool>,
    sizes: Vec<PageSize>,
    page_size: Option<PageSize>,
    page_token: Option<String>,
}

fn ask(query: &str) -> Result<Params<Asked>, crate::Problem> {
    read("/v1/usage", query)
}

fn pair(name: &str, value: &str) -> String {
    format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))
}

#[test]
fn each_kind_of_value_is_read_by_its_own_rule() {
    let value =
        ask("name=&sku=&top=4294967295&far=-9223372036854775808&offset=18446744073709551615&dry_run=false")
            .unwrap()
            .value;
    let expected = Asked {
        name: Some(String::new()),
        sku: vec![String::new()],
        top: Some(u32::MAX),
        far: Some(i64::MIN),
        offset: Some(u64::MAX),
        dry_run: Some(false),
        ..Asked::default()
    };
    assert_eq!(value, expected);
    for (query, field, rule) in [
        ("top=4294967296", "top", "must be a whole number"),
        ("top=-1", "top", "must be a whole number"),
        ("top=", "top", "must be a whole number"),
        ("top=1.0", "top", "must be a whole number"),
        ("top=%2B%2B1", "top", "must be a whole number"),
        ("far=9223372036854775808", "far", "must be a whole number"),
        ("offset=18446744073709551616", "offset", "must be a whole number"),
        ("dry_run=yes", "dry_run", "must be true or false"),
        ("dry_run=", "dry_run", "must be true or false"),
        ("dry_run=true&dry_run=true", "dry_run", "must be given once"),
        ("sizes=5&sizes=0", "sizes", "must be 1 to 1000"),
        ("sizes=5&sizes=1001", "sizes", "must be 1 to 1000"),
        ("page_token=a&page_token=b", "page_token", "must be given once"),
        ("Name=a", "Name", "is no parameter here"),
        ("=a", "", "is no parameter here"),
    ] {
        let problem = ask(query).unwrap_err();
        assert_eq!(problem.errors()[0].field, field, "{query}");
        assert!(problem.detail().contains(rule), "{query}: {}", problem.detail());
    }
}

#[test]
fn what_is_required_and_absent_is_named() {
    #[derive(Debug, Deserialize)]
    struct Required {
        #[expect(dead_code, reason = "only its absence is looked at")]
        tenant: String,
    }
    let problem = read::<Required>("/v1/pulses/a", "").unwrap_err();
    assert_eq!((problem.errors()[0].field.as_str(), problem.detail()), ("tenant", "tenant is required"));
}

proptest! {
    #[test]
    fn what_was_encoded_is_read_back(name in ".{0,20}", skus in prop::collection::vec(".{0,10}", 0..6)) {
        let mut pairs = vec![pair("name", &name)];
        pairs.extend(skus.iter().map(|sku| pair("sku", sku)));
        let read = ask(&pairs.join("&")).unwrap().value;
        prop_assert_eq!(read.name, Some(name));
        prop_assert_eq!(read.sku, skus);
    }

    #[test]
    fn one_question_has_one_canonical_form(
        skus in prop::collection::vec(".{0,5}", 0..4),
        name in ".{0,5}",
        size in 1_usize..1_001,
    ) {
        let sku: Vec<String> = skus.iter().map(|sku| pair("sku", sku)).collect();
        let first = [vec![pair("name", &name)], sku.clone()].concat().join("&");
        let second = [sku, vec![pair("page_size", &size.to_string()), pair("name", &name)]].concat().join("&&");
        prop_assert_eq!(ask(&first).unwrap().canonical, ask(&second).unwrap().canonical);
        let other = format!("{first}&sku=more");
        prop_assert_ne!(ask(&first).unwrap().canonical, ask(&other).unwrap().canonical);
    }

    #[test]
    fn no_text_panics_and_every_refusal_says_what_to_do(query in "[ -~]{0,60}") {
        if let Err(problem) = ask(&query) {
            prop_assert_eq!(problem.kind().status(), 400);
            prop_assert_eq!(problem.errors().len(), 1);
            prop_assert!(problem.detail().len() > problem.errors()[0].field.len());
        }
    }

    #[test]
    fn an_address_without_parameters_is_only_that(query in "[a-z=&]{0,12}") {
        let uri: Uri = format!("/x?{query}").parse().unwrap();
        let none = query.bytes().all(|byte| byte == b'&');
        prop_assert_eq!(NoParams::check(&uri).is_ok(), none, "{}", query);
    }
}
