//! What the `type` of a problem document leads to: its kind in words.

use super::{Kind, Problem};
use axum::Router;
use axum::extract::Path;
use axum::routing::get;

/// `GET /problems/{code}`.
pub fn routes() -> Router {
    Router::new().route("/problems/{code}", get(describe))
}

/// Describes one kind of problem as plain text.
pub async fn describe(Path(code): Path<String>) -> Result<String, Problem> {
    let kind =
        Kind::find(&code).ok_or_else(|| Problem::not_found(format_args!("a problem of kind {code:?}")))?;
    let advice = if kind.is_retryable() {
        "The same request may succeed later."
    } else {
        "The same request would fail again."
    };
    Ok(format!("{}\n\n{}.\nHTTP status {}. {advice}\n", kind.name(), kind.title(), kind.status()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_kind_is_described_and_no_other() {
        for kind in Kind::all() {
            let text = describe(Path(kind.name().to_owned())).await.unwrap();
            assert!(text.contains(kind.title()) && text.contains(&kind.status().to_string()));
        }
        assert_eq!(describe(Path("TEAPOT".to_owned())).await.unwrap_err().kind().status(), 404);
    }
}
