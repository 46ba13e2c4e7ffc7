//! Conditional requests: entity tags, `If-Match`, `If-None-Match`.

use crate::Problem;
use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::code::Code;
use domain::hash::fingerprint;
use serde::Serialize;
use std::convert::Infallible;
use std::fmt;

/// A version of a representation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Etag {
    /// Names a revision: `"42"`. Changes may depend on it.
    Strong(u64),
    /// Names an answer by its content: `W/"…"`. Good for caches only.
    Weak(u128),
}

impl Etag {
    /// The weak tag of an answer's bytes.
    pub fn of_content(bytes: &[u8]) -> Self {
        Self::Weak(fingerprint(bytes))
    }

    /// The header's value.
    pub fn to_header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.to_string()).expect("a tag is quoted digits")
    }
}

impl fmt::Display for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Strong(revision) => write!(f, "\"{revision}\""),
            Self::Weak(hash) => write!(f, "W/\"{hash:032x}\""),
        }
    }
}

/// The revision a change depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// No condition.
    Absent,
    /// `*`: the resource must exist.
    Exists,
    /// `"42"`: it must have that revision.
    Revision(u64),
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(text) = one_value(&parts.headers, &header::IF_MATCH) else { return Ok(Self::Absent) };
        if text == "*" {
            return Ok(Self::Exists);
        }
        let digits = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let revision = digits.and_then(|digits| digits.parse().ok());
        let rule = "must be the one strong entity tag that a read of this resource answered, such as \"42\"";
        revision.map(Self::Revision).ok_or_else(|| Problem::field(Code::InvalidArgument, "If-Match", rule))
    }
}

/// The answers a client has already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IfNoneMatch(Vec<String>);

impl IfNoneMatch {
    /// Whether the client has that one, by weak comparison.
    pub fn holds(&self, etag: &Etag) -> bool {
        let tag = etag.to_string();
        let opaque = |text: &str| text.trim_start_matches("W/").to_owned();
        self.0.iter().any(|known| known == "*" || opaque(known) == opaque(&tag))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let text = one_value(&parts.headers, &header::IF_NONE_MATCH).unwrap_or_default();
        Ok(Self(text.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect()))
    }
}

fn one_value(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<&str> = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("?")).collect();
    (!values.is_empty()).then(|| values.join(", ").trim().to_owned())
}

/// The resource at a revision, or 304 where the client has it.
pub fn revision<T: Serialize>(known: &IfNoneMatch, revision: u64, body: &T) -> Response {
    let etag = Etag::Strong(revision);
    if known.holds(&etag) {
        return not_modified(&etag);
    }
    ([(header::ETAG, etag.to_header())], Json(body)).into_response()
}

/// The answer to a query, or 304 where the client has the same.
pub(crate) fn respond(known: &IfNoneMatch, content_type: &str, bytes: Vec<u8>) -> Response {
    let etag = Etag::of_content(&bytes);
    if known.holds(&etag) { not_modified(&etag) } else { respond_as(&etag, content_type, bytes) }
}

/// The answer of that version to a query.
pub(crate) fn respond_as(etag: &Etag, content_type: &str, bytes: Vec<u8>) -> Response {
    ([(header::ETAG, etag.to_header().as_bytes()), (header::CONTENT_TYPE, content_type.as_bytes())], bytes)
        .into_response()
}

/// What a client is told that has this version.
pub(crate) fn not_modified(etag: &Etag) -> Response {
    (StatusCode::NOT_MODIFIED, [(header::ETAG, etag.to_header())]).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn parts(name: &str, values: &[&str]) -> Parts {
        let mut builder = Request::builder();
        for value in values {
            builder = builder.header(name, *value);
        }
        builder.body(()).unwrap().into_parts().0
    }

    async fn if_match(values: &[&str]) -> Result<IfMatch, Problem> {
        IfMatch::from_request_parts(&mut parts("if-match", values), &()).await
    }

    async fn if_none_match(values: &[&str]) -> IfNoneMatch {
        IfNoneMatch::from_request_parts(&mut parts("if-none-match", values), &()).await.unwrap()
    }

    #[tokio::test]
    async fn a_change_depends_on_one_strong_tag() {
        assert_eq!(if_match(&[]).await, Ok(IfMatch::Absent));
        assert_eq!(if_match(&["*"]).await, Ok(IfMatch::Exists));
        assert_eq!(if_match(&["\"42\""]).await, Ok(IfMatch::Revision(42)));
        for bad in [&["42"][..], &["W/\"42\""], &["\"x\""], &["\"1\", \"2\""], &["\"1\"", "\"2\""], &[""]] {
            let problem = if_match(bad).await.unwrap_err();
            assert_eq!(problem.errors()[0].field, "If-Match", "{bad:?}");
        }
    }

    #[tokio::test]
    async fn what_the_client_has_is_not_sent_again() {
        let known = if_none_match(&["\"41\", \"42\""]).await;
        let response = revision(&known, 42, &"body");
        assert_eq!(
            (response.status().as_u16(), response.headers()["etag"].to_str().unwrap()),
            (304, "\"42\"")
        );
        let response = revision(&known, 43, &"body");
        assert_eq!(
            (response.status().as_u16(), response.headers()["etag"].to_str().unwrap()),
            (200, "\"43\"")
        );
    }

    #[tokio::test]
    async fn an_answer_is_known_by_its_content() {
        let body = || b"\"body\"".to_vec();
        let first = respond(&IfNoneMatch::default(), "application/json", body());
        let tag = first.headers()["etag"].to_str().unwrap().to_owned();
        assert!(tag.starts_with("W/\""), "{tag}");
        assert_eq!(first.headers()["content-type"], "application/json");
        let status = async |tags: &[&str], bytes: Vec<u8>| {
            respond(&if_none_match(tags).await, "text/csv", bytes).status().as_u16()
        };
        assert_eq!(status(&[&tag], body()).await, 304);
        assert_eq!(status(&[&tag.replace("W/", "")], body()).await, 304);
        assert_eq!(status(&["\"x\"", &tag], body()).await, 304);
        assert_eq!(status(&[&tag], b"other".to_vec()).await, 200);
        assert_eq!(status(&["*"], b"other".to_vec()).await, 304);
    }
}
