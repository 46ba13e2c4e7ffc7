//! JSON bodies, read strictly.

use crate::Problem;
use crate::problem::Kind;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use domain::code::Code;
use serde::de::DeserializeOwned;

/// A JSON body. `T` refuses unknown fields itself: `#[serde(deny_unknown_fields)]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(Kind::UnsupportedMediaType, "content-type must be application/json"));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            match rejection.into_response().status() {
                StatusCode::PAYLOAD_TOO_LARGE => {
                    Problem::new(Code::TooLarge, "the body is over the bound of this resource")
                }
                _ => Problem::new(Code::InvalidArgument, "the body ended early"),
            }
        })?;
        read(&bytes).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// Reads a JSON document; the refusal names the field, line and column.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        refuse(&path, &error.into_inner())
    })?;
    deserializer.end().map_err(|error| refuse(".", &error))?;
    Ok(value)
}

fn refuse(path: &str, error: &serde_json::Error) -> Problem {
    let field = if path == "." { "body" } else { path };
    Problem::field(Code::InvalidArgument, field, format_args!("is not valid: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::DefaultBodyLimit;
    use axum::routing::post;
    use axum::{Router, body};
    use serde::Deserialize;
    use serde_json::Value;
    use tower::ServiceExt;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Tenant {
        name: String,
        #[serde(default)]
        tags: Vec<String>,
    }

    async fn send(content_type: &str, text: &str) -> (u16, Value) {
        let handler = post(|Body(tenant): Body<Tenant>| async move {
            format!("\"{}{}\"", tenant.name, tenant.tags.len())
        });
        let router = Router::new().route("/", handler).layer(DefaultBodyLimit::max(200));
        let request =
            Request::post("/").header("content-type", content_type).body(body::Body::from(text.to_owned()));
        let response = router.oneshot(request.unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let bytes = body::to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn a_body_is_read_whole() {
        let (status, body) = send("Application/JSON; charset=utf-8", r#"{"name": "acme"}"#).await;
        assert_eq!((status, body.as_str().unwrap()), (200, "acme0"));
    }

    #[tokio::test]
    async fn what_breaks_a_rule_is_named() {
        for (text, field, rule) in [
            (r#"{"name": "acme", "nam": 1}"#, "nam", "unknown field `nam`"),
            (r#"{"name": 5}"#, "name", "expected a string"),
            (r#"{"name": "a", "tags": ["x", 5]}"#, "tags[1]", "expected a string"),
            ("{}", "body", "missing field `name`"),
            ("", "body", "EOF while parsing"),
            (r#"{"name": "a"} {}"#, "body", "trailing characters"),
            (r#"{"name": "a", "name": "b"}"#, "body", "duplicate field `name`"),
        ] {
            let (status, body) = send("application/json", text).await;
            assert_eq!((status, body["code"].as_str()), (400, Some("INVALID_ARGUMENT")), "{text}");
            assert_eq!(body["errors"][0]["field"], field, "{text}");
            assert!(body["detail"].as_str().unwrap().contains(rule), "{body}");
        }
    }

    #[tokio::test]
    async fn other_formats_and_sizes_are_refused() {
        for content_type in ["text/plain", "application/jsonp", ""] {
            assert_eq!(send(content_type, "{}").await.0, 415, "{content_type}");
        }
        let (status, body) = send("application/json", &format!(r#"{{"name": "{}"}}"#, "a".repeat(200))).await;
        assert_eq!((status, body["code"].as_str()), (413, Some("TOO_LARGE")));
    }
}
