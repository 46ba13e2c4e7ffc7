//! Query strings, read strictly: keys may repeat where a list is asked for, unknown ones are refused by name.

use crate::Problem;
use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;
use domain::code::Code;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

#[cfg(test)]
mod properties;
mod reader;

/// The parameters that choose a page of an answer instead of the answer.
const PAGING: [&str; 2] = ["page_size", "page_token"];
/// The most parameters of one request, repetitions counted.
const PARAMETERS_MAX: usize = 1_000;

/// The query string as `T`, a struct of strings, numbers, enums, options and lists of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params<T> {
    /// What was asked.
    pub value: T,
    /// Path and parameters in one spelling, without those of paging: what a page token is bound to.
    pub canonical: String,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        read(parts.uri.path(), parts.uri.query().unwrap_or_default())
    }
}

/// No parameters: any is refused by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoParams;

impl<S: Send + Sync> FromRequestParts<S> for NoParams {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::check(&parts.uri)
    }
}

impl NoParams {
    /// Refuses the first parameter of an address.
    pub(crate) fn check(uri: &Uri) -> Result<Self, Problem> {
        #[derive(Deserialize)]
        struct None {}
        read::<None>(uri.path(), uri.query().unwrap_or_default()).map(|_| Self)
    }
}

/// The values of each key, in their order.
type Pairs = BTreeMap<String, Vec<String>>;

fn read<T: DeserializeOwned>(path: &str, query: &str) -> Result<Params<T>, Problem> {
    let pairs = split(query)?;
    let canonical = canonical(path, &pairs);
    let value = T::deserialize(reader::Reader(pairs))
        .map_err(|error| Problem::field(Code::InvalidArgument, &error.field, error.message))?;
    Ok(Params { value, canonical })
}

fn split(query: &str) -> Result<Pairs, Problem> {
    let mut pairs = Pairs::new();
    let parts = || query.split('&').filter(|part| !part.is_empty());
    if parts().count() > PARAMETERS_MAX {
        return Err(refuse_query(format_args!("must hold at most {PARAMETERS_MAX} parameters")));
    }
    for part in parts() {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        pairs.entry(decode(key)?).or_default().push(decode(value)?);
    }
    Ok(pairs)
}

/// Decodes the `application/x-www-form-urlencoded` spelling, where `+` is a space.
fn decode(text: &str) -> Result<String, Problem> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded.map(Into::into).map_err(|_| refuse_query("must be percent-encoded UTF-8"))
}

fn refuse_query(rule: impl std::fmt::Display) -> Problem {
    Problem::field(Code::InvalidArgument, "query", rule)
}

fn canonical(path: &str, pairs: &Pairs) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let asked = pairs.iter().filter(|(key, _)| !PAGING.contains(&key.as_str()));
    let spelled = asked.flat_map(|(key, values)| values.iter().map(move |value| (key, value)));
    let parts: Vec<String> =
        spelled.map(|(key, value)| format!("{}={}", encode(key), encode(value))).collect();
    format!("{path}?{}", parts.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::PageSize;

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Status {
        Open,
        Replayed,
    }

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    struct Asked {
        tenant: Option<String>,
        #[serde(default)]
        sku: Vec<String>,
        status: Option<Status>,
        page_size: Option<PageSize>,
        page_token: Option<String>,
    }

    fn ask(query: &str) -> Result<Params<Asked>, Problem> {
        read("/v1/usage", query)
    }

    #[test]
    fn keys_repeat_where_a_list_is_asked_for() {
        let params = ask("sku=b&sku=a%2F1&tenant=caf%C3%A9+x&status=replayed&page_size=5").unwrap();
        assert_eq!(
            params.value,
            Asked {
                tenant: Some("café x".into()),
                sku: vec!["b".into(), "a/1".into()],
                status: Some(Status::Replayed),
                page_size: PageSize::new(5),
                page_token: None,
            }
        );
        assert_eq!(ask("").unwrap().value.sku, Vec::<String>::new());
    }

    #[test]
    fn what_breaks_a_rule_is_named() {
        for (query, field, rule) in [
            ("skus=a", "skus", "is no parameter here: known are tenant, sku, status, page_size, page_token"),
            ("tenant=a&tenant=b", "tenant", "must be given once"),
            ("page_size=many", "page_size", "must be a whole number"),
            ("page_size=-1", "page_size", "must be a whole number"),
            ("page_size=0", "page_size", "must be 1 to 1000"),
            ("status=odd", "status", "status must be one of open, replayed"),
            ("status=", "status", "status must be one of open, replayed"),
            ("tenant=%FF", "query", "must be percent-encoded UTF-8"),
        ] {
            let problem = ask(query).unwrap_err();
            assert_eq!(problem.errors()[0].field, field, "{query}");
            assert!(problem.detail().ends_with(rule), "{query}: {}", problem.detail());
        }
    }

    #[test]
    fn parameters_are_bounded_whatever_they_are() {
        let many = |count| vec!["sku=a"; count].join("&");
        assert_eq!(ask(&many(1_000)).unwrap().value.sku.len(), 1_000);
        for query in [many(1_001), "a&".repeat(30_000), "sku=%41&".repeat(8_000)] {
            let problem = ask(&query).unwrap_err();
            assert_eq!(problem.detail(), "query must hold at most 1000 parameters");
        }
    }

    #[tokio::test]
    async fn where_no_parameter_is_known_each_is_refused_by_name() {
        for (uri, field) in
            [("/x", None), ("/x?", None), ("/x?&&", None), ("/x?a=1", Some("a")), ("/x?a", Some("a"))]
        {
            let mut parts = axum::http::Request::get(uri).body(()).unwrap().into_parts().0;
            let refused = NoParams::from_request_parts(&mut parts, &()).await.err();
            assert_eq!(refused.as_ref().map(|problem| problem.errors()[0].field.as_str()), field, "{uri}");
        }
    }

    #[test]
    fn no_query_panics() {
        let hostile = [
            "%",
            "%%",
            "=",
            "==&==",
            "sku",
            "%00=%00",
            "page_size=99999999999999999999999",
            "sku=%F0%9F",
            "status=%6Fpen",
            "🦀=1",
            "tenant=\u{0}",
            "page_size=+1",
            "page_size=1e3",
        ];
        let refused = hostile.iter().filter(|query| ask(query).is_err()).count();
        assert_eq!(
            refused,
            hostile.len() - 3,
            "only sku, a status in other letters and a tenant of one NUL are read"
        );
    }

    #[test]
    fn the_canonical_form_knows_neither_spelling_nor_page() {
        let first = ask("tenant=%61cme&sku=a&sku=b&page_size=5").unwrap().canonical;
        let second = ask("page_token=x&sku=a&tenant=acme&sku=b").unwrap().canonical;
        assert_eq!(first, second);
        assert_ne!(first, ask("tenant=acme&sku=a").unwrap().canonical);
        assert_ne!(ask("sku=a%26sku%3Db").unwrap().canonical, ask("sku=a&sku=b").unwrap().canonical);
    }
}
