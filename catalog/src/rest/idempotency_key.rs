//! The header `Idempotency-Key`: a POST under the same key within 24 hours is answered as the first was.

use ::rest::Problem;
use axum::extract::OptionalFromRequestParts;
use axum::http::request::Parts;
use domain::code::Code;

const HEADER: &str = "idempotency-key";
const BYTES_MAX: usize = 255;

/// A key of the client's choice: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IdempotencyKey(String);

impl IdempotencyKey {
    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        let mut values = parts.headers.get_all(HEADER).iter();
        let (Some(value), second) = (values.next(), values.next()) else { return Ok(None) };
        let text = value.to_str().unwrap_or_default();
        let valid = second.is_none()
            && (1..=BYTES_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        let rule = "must be given once, as 1 to 255 visible ASCII characters";
        let refusal = || Problem::field(Code::InvalidArgument, "Idempotency-Key", rule);
        valid.then(|| Some(Self(text.to_owned()))).ok_or_else(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    async fn read(values: &[&str]) -> Result<Option<IdempotencyKey>, Problem> {
        let mut request = Request::builder();
        for value in values {
            request = request.header(HEADER, *value);
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        IdempotencyKey::from_request_parts(&mut parts, &()).await
    }

    #[tokio::test]
    async fn a_key_is_one_visible_word_or_absent() {
        assert_eq!(read(&[]).await.unwrap(), None);
        assert_eq!(read(&["k-1"]).await.unwrap(), Some(IdempotencyKey("k-1".into())));
        for bad in [&[""][..], &["a b"], &["a", "b"], &["x".repeat(256).as_str()]] {
            assert_eq!(read(bad).await.unwrap_err().errors()[0].field, "Idempotency-Key", "{bad:?}");
        }
    }
}
