//! A limit of requests, told as the draft of the IETF about `RateLimit` header fields has it.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// What is allowed: quota and window.
pub(crate) const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// What is left of it, and when there is more.
pub(crate) const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// A limit that a request has met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Which limit: ASCII without quotes.
    pub name: &'static str,
    /// What may come in a window.
    pub quota: u64,
    /// How long a window is.
    pub window_seconds: u32,
    /// What may come now.
    pub remaining: u64,
    /// When what was refused may come again.
    pub reset_seconds: u32,
}

impl RateLimit {
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        let Self { name, quota, window_seconds, remaining, reset_seconds } = self;
        let policy = format!("\"{name}\";q={quota};w={window_seconds}");
        let state = format!("\"{name}\";r={remaining};t={reset_seconds}");
        for (header, text) in [(POLICY, policy), (STATE, state)] {
            let value = HeaderValue::try_from(text).expect("a limit's name is ASCII");
            headers.insert(header, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Problem;
    use axum::response::IntoResponse;
    use domain::code::Code;

    #[test]
    fn a_limit_is_told_in_the_words_of_the_draft_and_agrees_with_retry_after() {
        let limit = RateLimit {
            name: "refused-pulses",
            quota: 600,
            window_seconds: 60,
            remaining: 12,
            reset_seconds: 7,
        };
        let response = Problem::new(Code::QuotaExceeded, "too many").limited(limit).into_response();
        assert_eq!(response.status(), 429);
        let headers = response.headers();
        assert_eq!(headers["ratelimit-policy"], "\"refused-pulses\";q=600;w=60");
        assert_eq!(headers["ratelimit"], "\"refused-pulses\";r=12;t=7");
        assert_eq!(headers["retry-after"], "7");
    }

    #[test]
    fn where_no_limit_is_met_none_is_told() {
        let response = Problem::new(Code::Overloaded, "full").into_response();
        assert!(!response.headers().contains_key(POLICY) && !response.headers().contains_key(STATE));
        assert_eq!(response.headers()["retry-after"], "1");
    }
}
