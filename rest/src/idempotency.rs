//! The header `Idempotency-Key`: a POST under the same key within 24 hours is answered as the first was.

use crate::Problem;
use axum::extract::OptionalFromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use domain::code::Code;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const BYTES_MAX: usize = 255;

/// A key of the client's choice: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key of that text, if it is one.
    pub fn parse(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let valid = (1..=BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        valid.then_some(Self(text))
    }

    /// The key's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key's text.
    pub fn into_text(self) -> String {
        self.0
    }
}

/// Says of an answer that it is that of an earlier request under the same key.
#[must_use]
pub fn replayed(mut response: Response) -> Response {
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        let mut values = parts.headers.get_all(KEY).iter();
        let (Some(value), second) = (values.next(), values.next()) else { return Ok(None) };
        let key = Self::parse(value.to_str().unwrap_or_default()).filter(|_| second.is_none());
        let rule = "must be given once, as 1 to 255 visible ASCII characters";
        let refusal = || Problem::field(Code::InvalidArgument, "Idempotency-Key", rule);
        key.map(Some).ok_or_else(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;
    use axum::response::IntoResponse;

    async fn read(values: &[&[u8]]) -> Result<Option<IdempotencyKey>, Problem> {
        let mut request = Request::builder();
        for value in values {
            request = request.header(KEY, *value);
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        IdempotencyKey::from_request_parts(&mut parts, &()).await
    }

    #[tokio::test]
    async fn a_key_is_one_visible_word_or_absent() {
        assert_eq!(read(&[]).await.unwrap(), None);
        let longest = "~".repeat(255);
        for text in ["k-1", "!", longest.as_str()] {
            let key = read(&[text.as_bytes()]).await.unwrap().unwrap();
            assert_eq!((key.as_str(), key.clone().into_text().as_str()), (text, text));
        }
    }

    #[tokio::test]
    async fn what_is_no_such_word_is_refused_by_the_headers_name() {
        let longer = "x".repeat(256);
        let bad: [&[&[u8]]; 7] =
            [&[b""], &[b"a b"], &[b"a", b"b"], &[b"a", b"a"], &[longer.as_bytes()], &[b"\xff"], &[b"a\tb"]];
        for values in bad {
            let problem = read(values).await.unwrap_err();
            assert_eq!(problem.errors()[0].field, "Idempotency-Key", "{values:?}");
            assert_eq!(problem.kind().status(), 400, "{values:?}");
        }
    }

    #[test]
    fn a_repeated_answer_says_so_and_stays_what_it_was() {
        let first = (axum::http::StatusCode::CREATED, "done").into_response();
        let again = replayed(first);
        assert_eq!(again.status(), 201);
        assert_eq!(again.headers()["idempotent-replayed"], "true");
    }
}
