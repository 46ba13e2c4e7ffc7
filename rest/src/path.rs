//! Ids in paths: one segment, percent-encoded whole.

use crate::Problem;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use domain::code::Code;

/// The one id in a path, decoded: `/v1/skus/llm%2Finput` names the SKU `llm/input`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Id(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let decoded = Path::<String>::from_request_parts(parts, state).await;
        let Path(id) = decoded
            .map_err(|_| Problem::field(Code::InvalidArgument, "id", "must be percent-encoded UTF-8"))?;
        Ok(Self(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::http::Request;
    use axum::routing::get;
    use tower::ServiceExt;

    async fn ask(uri: &str) -> (u16, String) {
        let router = Router::new().route("/v1/skus/{id}", get(|Id(id): Id| async move { id }));
        let response = router.oneshot(Request::get(uri).body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let bytes = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn an_id_is_decoded_whole() {
        assert_eq!(ask("/v1/skus/llm%2Finput%3A1").await, (200, "llm/input:1".into()));
        assert_eq!(ask("/v1/skus/a+b").await, (200, "a+b".into()));
        assert_eq!(ask("/v1/skus/a/b").await.0, 404);
        let (status, body) = ask("/v1/skus/%FF").await;
        assert_eq!(status, 400);
        assert!(body.contains("id must be percent-encoded UTF-8"));
    }
}
