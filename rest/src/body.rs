//! JSON bodies, read strictly.

use crate::Problem;
use crate::params::NoParams;
use crate::problem::Kind;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use domain::code::Code;
use serde::de::DeserializeOwned;

/// What a refusal names where no field is at fault.
const BODY: &str = "body";
/// How a path spells the whole document.
const ROOT: &str = ".";

/// A JSON object as body, of a request without parameters. `T` refuses unknown fields itself: `#[serde(deny_unknown_fields)]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        NoParams::check(request.uri())?;
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

/// Reads a JSON object; the refusal names the field, line and column. An array is refused here, because a derived
/// reader would take its values for the fields in their order.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::field(Code::InvalidArgument, BODY, "must be a JSON object"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        refuse(&path, &error.into_inner())
    })?;
    deserializer.end().map_err(|error| refuse(ROOT, &error))?;
    Ok(value)
}

fn refuse(path: &str, error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    let whole = path == ROOT || !error.is_data();
    if let Some(name) = missing_field(&text) {
        let field = if whole { name.to_owned() } else { format!("{path}.{name}") };
        return Problem::field(Code::InvalidArgument, &field, "is required");
    }
    let field = if whole { BODY } else { path };
    Problem::field(Code::InvalidArgument, field, format_args!("is not valid: {text}"))
}

/// The field that is not there, which `serde` tells in words only.
fn missing_field(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix("missing field `")?.split_once('`')?;
    Some(name)
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
        owner: Option<Owner>,
    }

    #[derive(Deserialize)]
    struct Owner {
        id: String,
    }

    async fn send(content_type: &str, text: &str) -> (u16, Value) {
        let handler = post(|Body(tenant): Body<Tenant>| async move {
            let owner = tenant.owner.map_or_else(String::new, |owner| owner.id);
            format!("\"{}{}{owner}\"", tenant.name, tenant.tags.len())
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
        let (status, body) =
            send("Application/JSON; charset=utf-8", "\n{\"name\": \"acme\", \"owner\": {\"id\": \"x\"}}")
                .await;
        assert_eq!((status, body.as_str().unwrap()), (200, "acme0x"));
    }

    #[tokio::test]
    async fn what_breaks_a_rule_is_named() {
        for (text, field, rule) in [
            (r#"{"name": "acme", "nam": 1}"#, "nam", "unknown field `nam`"),
            (r#"{"name": 5}"#, "name", "expected a string"),
            (r#"{"name": "a", "tags": ["x", 5]}"#, "tags[1]", "expected a string"),
            ("{}", "name", "name is required"),
            (r#"{"name": "a", "owner": {}}"#, "owner.id", "owner.id is required"),
            (r#"{"name": "a""#, "body", "EOF while parsing"),
            (r#"{"name": "a", "tags": ["x" "y"]}"#, "body", "expected `,` or `]`"),
            ("", "body", "must be a JSON object"),
            (r#" ["acme", []]"#, "body", "must be a JSON object"),
            ("null", "body", "must be a JSON object"),
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
