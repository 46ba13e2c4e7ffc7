//! Problem documents (RFC 9457): how every refusal looks.

use crate::door::TraceId;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::code::Code;
use domain::port::{AdmissionError, LogError, StoreError};
use domain::reject::Reject;
use serde::Serialize;
use utoipa::ToSchema;

mod answers;
mod kind;
mod page;
mod rate_limit;

pub(crate) use answers::responses;
pub use answers::{CommandProblems, QueryProblems, QuotaProblem};
pub use kind::Kind;
pub use page::{describe, routes};
pub use rate_limit::RateLimit;

/// What a refused client waits where nothing better is known.
const RETRY_AFTER_SECONDS: u32 = 1;

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Where: a field of the body, a parameter, a part of the path.
    #[schema(example = "from")]
    pub field: String,
    /// The stable reason: a reject reason or a code.
    #[schema(example = "INVALID_RANGE")]
    pub reason: String,
    /// For people; names field and rule.
    #[schema(example = "from must fall on a quarter of an hour")]
    pub message: String,
}

/// Why a request was refused. Boxed within, so that results stay small.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", .0.kind.name(), .0.detail)]
pub struct Problem(Box<Content>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Content {
    kind: Kind,
    detail: String,
    errors: Vec<FieldError>,
    retry_after_seconds: Option<u32>,
    limit: Option<RateLimit>,
}

impl Problem {
    /// A problem of that kind; the detail is for people, about this request.
    pub fn new(kind: impl Into<Kind>, detail: impl Into<String>) -> Self {
        let kind = kind.into();
        let retry_after_seconds = kind.tells_when_to_retry().then_some(RETRY_AFTER_SECONDS);
        let (detail, errors) = (detail.into(), Vec::new());
        Self(Box::new(Content { kind, detail, errors, retry_after_seconds, limit: None }))
    }

    /// A field that breaks a rule; the message reads "`field` `rule`".
    pub fn field(code: Code, field: &str, rule: impl std::fmt::Display) -> Self {
        let message = format!("{field} {rule}");
        let error =
            FieldError { field: field.to_owned(), reason: code.name().to_owned(), message: message.clone() };
        Self::new(code, message).with_error(error)
    }

    /// No such resource.
    pub fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(Code::NotFound, format!("{what} does not exist"))
    }

    /// A fault of ours: the cause is logged, not told.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request met a fault");
        Self::new(Code::Internal, "a fault of the service; the trace id finds it in the log")
    }

    /// This problem with one more error.
    #[must_use]
    pub fn with_error(mut self, error: FieldError) -> Self {
        self.0.errors.push(error);
        self
    }

    /// This problem with the time after which to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self
    }

    /// This problem with the limit that was met, which says after what time to try again.
    #[must_use]
    pub fn limited(mut self, limit: RateLimit) -> Self {
        self.0.limit = Some(limit);
        self.retry_after(limit.reset_seconds)
    }

    /// What kind of problem it is.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// What it says about this request.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// After how many seconds to try again, where that is told.
    pub fn retry_after_seconds(&self) -> Option<u32> {
        self.0.retry_after_seconds
    }

    /// The fields at fault.
    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// The answer, completed by what only the door knows.
    pub(crate) fn render(self, instance: Option<String>, trace_id: Option<String>) -> Response {
        let (retry_after, limit) = (self.0.retry_after_seconds, self.0.limit);
        let status = StatusCode::from_u16(self.0.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.document(instance, trace_id))).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(limit) = limit {
            limit.tell(headers);
        }
        response.extensions_mut().insert(self);
        response
    }

    /// The document where no door completes it: at the end of an answer that began well.
    pub fn told(&self, trace_id: Option<TraceId>) -> ProblemDocument {
        self.document(None, trace_id.map(|id| id.to_string()))
    }

    fn document(&self, instance: Option<String>, trace_id: Option<String>) -> ProblemDocument {
        let kind = self.0.kind;
        ProblemDocument {
            kind: format!("/problems/{}", kind.name()),
            title: kind.title().to_owned(),
            status: kind.status(),
            detail: self.0.detail.clone(),
            instance,
            code: kind.name().to_owned(),
            errors: self.0.errors.clone(),
            trace_id,
            retryable: kind.is_retryable(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.render(None, None)
    }
}

/// The document itself.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// Where the kind of problem is described.
    #[serde(rename = "type")]
    #[schema(example = "/problems/INVALID_RANGE")]
    pub kind: String,
    /// The kind of problem, in one line.
    #[schema(example = "the range of time is not valid")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 400)]
    pub status: u16,
    /// What is wrong with this request.
    #[schema(example = "from must fall on a quarter of an hour")]
    pub detail: String,
    /// The path that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/v1/usage")]
    pub instance: Option<String>,
    /// The stable code, the same as in gRPC.
    #[schema(example = "INVALID_RANGE")]
    pub code: String,
    /// The fields at fault.
    pub errors: Vec<FieldError>,
    /// Finds this request in logs and traces.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    pub trace_id: Option<String>,
    /// Whether the same request may succeed later.
    #[schema(example = false)]
    pub retryable: bool,
}

impl From<&Reject> for FieldError {
    fn from(reject: &Reject) -> Self {
        let reason = reject.reason.name().to_owned();
        Self { field: reject.field.clone(), reason, message: reject.message.clone() }
    }
}

impl From<Reject> for Problem {
    fn from(reject: Reject) -> Self {
        Self::new(Code::InvalidArgument, reject.message.clone()).with_error(FieldError::from(&reject))
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Overloaded(_) => Self::new(Code::Overloaded, error.to_string()),
            StoreError::Unavailable(_) | StoreError::UnknownOutcome(_) => {
                Self::new(Code::Unavailable, error.to_string())
            }
            StoreError::Damaged { .. } | StoreError::TooLarge { .. } => Self::internal(error),
        }
    }
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Overloaded(_) => Self::new(Code::Overloaded, error.to_string()),
            LogError::Unavailable(_) | LogError::UnknownOutcome(_) | LogError::UnknownPartition(_) => {
                Self::new(Code::Unavailable, error.to_string())
            }
            LogError::TooLarge { .. } => Self::new(Code::TooLarge, error.to_string()),
            LogError::OutOfRange { .. } | LogError::Damaged { .. } => Self::internal(error),
        }
    }
}

impl From<AdmissionError> for Problem {
    fn from(error: AdmissionError) -> Self {
        Self::new(Code::Unavailable, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::reject::RejectReason;
    use serde_json::{Value, json};

    async fn read(response: Response) -> Value {
        let bytes = axum::body::to_bytes(response.into_body(), 100_000).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn a_document_names_field_rule_and_code() {
        let problem = Problem::field(Code::InvalidRange, "from", "must fall on a quarter of an hour");
        let response =
            problem.render(Some("/v1/usage".into()), Some("0af7651916cd43dd8448eb211c80319c".into()));
        assert_eq!(response.status(), 400);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert!(!response.headers().contains_key("retry-after"));
        assert_eq!(
            read(response).await,
            json!({
                "type": "/problems/INVALID_RANGE",
                "title": "the range of time is not valid",
                "status": 400,
                "detail": "from must fall on a quarter of an hour",
                "instance": "/v1/usage",
                "code": "INVALID_RANGE",
                "errors": [{
                    "field": "from",
                    "reason": "INVALID_RANGE",
                    "message": "from must fall on a quarter of an hour",
                }],
                "trace_id": "0af7651916cd43dd8448eb211c80319c",
                "retryable": false,
            })
        );
    }

    #[tokio::test]
    async fn what_may_succeed_later_says_when() {
        for (code, seconds) in [(Code::Overloaded, "1"), (Code::QuotaExceeded, "1"), (Code::Unavailable, "1")]
        {
            let response = Problem::new(code, "later").into_response();
            assert_eq!(response.headers()["retry-after"], seconds, "{code}");
        }
        let response = Problem::new(Code::QuotaExceeded, "later").retry_after(30).into_response();
        assert_eq!(
            (response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()),
            (429, "30")
        );
        assert!(
            !Problem::new(Code::DeadlineExceeded, "").into_response().headers().contains_key("retry-after")
        );
    }

    #[test]
    fn a_rejects_reason_stands_beside_its_field() {
        let reject = Reject::new(RejectReason::InvalidQuantity, "quantity", "must be an exact decimal");
        let problem = Problem::from(reject);
        assert_eq!(problem.kind(), Kind::from(Code::InvalidArgument));
        assert_eq!(problem.errors()[0].reason, "INVALID_QUANTITY");
        assert_eq!(problem.to_string(), "INVALID_ARGUMENT: quantity must be an exact decimal");
    }

    #[test]
    fn a_fault_tells_nothing_of_its_cause() {
        let problem = Problem::from(StoreError::Damaged { table: "aggregate", key: "acme".into() });
        assert_eq!(problem.kind().status(), 500);
        assert!(!problem.detail().contains("acme"));
        assert_eq!(Problem::from(StoreError::Unavailable("down".into())).kind().status(), 503);
        assert_eq!(Problem::from(LogError::Overloaded("full".into())).kind().name(), "OVERLOADED");
        assert_eq!(Problem::from(AdmissionError("stale".into())).kind().name(), "UNAVAILABLE");
    }
}
