//! A batch of which nothing is promised: refused before the append, or of unknown outcome.

use domain::code::Code;
use domain::port::{AdmissionError, LogError};
use rest::problem::RateLimit;
use std::time::Duration;

/// How long a client waits before it sends the same again.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// Why a batch is not known to be durable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub(crate) struct NotTaken {
    /// The stable code.
    pub code: Code,
    /// For people; names field and rule where there is one.
    pub message: String,
    /// The field of the request at fault.
    pub field: Option<&'static str>,
    /// The limit that was met.
    pub limit: Option<RateLimit>,
}

impl NotTaken {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: None, limit: None }
    }

    /// Any part may be stored; the same batch again is right.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, message)
    }

    /// Refused before the append; the same batch later is right.
    pub fn overloaded(message: impl Into<String>) -> Self {
        Self::new(Code::Overloaded, message)
    }

    /// Refused before the append; less, or the same when the limit says so, is right.
    pub fn quota_exceeded(message: impl Into<String>, limit: RateLimit) -> Self {
        Self { limit: Some(limit), ..Self::new(Code::QuotaExceeded, message) }
    }

    /// Refused before the append, as long as the edge is not fit to take anything.
    pub fn not_ready(message: impl Into<String>) -> Self {
        Self::new(Code::NotReady, message)
    }

    /// Nobody knows whether any part is stored; the same batch again is right.
    pub fn deadline_exceeded(message: impl Into<String>) -> Self {
        Self::new(Code::DeadlineExceeded, message)
    }

    /// A field of the request breaks a rule; the same again would fail again.
    pub fn breaks_rule(code: Code, field: &'static str, rule: impl std::fmt::Display) -> Self {
        Self { field: Some(field), ..Self::new(code, format!("{field} {rule}")) }
    }

    /// Whether nothing was stored, for a reason that passes.
    pub fn is_refusal(&self) -> bool {
        matches!(self.code, Code::Overloaded | Code::NotReady)
    }

    /// When to send the same again; `None`: it would fail again.
    pub fn retry_delay(&self) -> Option<Duration> {
        let delay = self.limit.map_or(RETRY_DELAY, |limit| Duration::from_secs(limit.reset_seconds.into()));
        self.code.is_retryable().then_some(delay)
    }
}

impl From<LogError> for NotTaken {
    fn from(error: LogError) -> Self {
        let message = error.to_string();
        match error {
            LogError::Overloaded(_) => Self::overloaded(message),
            LogError::UnknownOutcome(_) | LogError::Unavailable(_) | LogError::UnknownPartition(_) => {
                Self::unavailable(message)
            }
            LogError::TooLarge { .. } | LogError::OutOfRange { .. } | LogError::Damaged { .. } => {
                Self::new(Code::Internal, "a fault of the service")
            }
        }
    }
}

impl From<AdmissionError> for NotTaken {
    fn from(error: AdmissionError) -> Self {
        Self::unavailable(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::port::TopicPartition;

    #[test]
    fn what_is_known_of_an_append_decides_whether_it_was_refused() {
        let nowhere = TopicPartition::new("nothing", 0);
        for (error, code, is_refusal) in [
            (LogError::Overloaded("full".into()), Code::Overloaded, true),
            (LogError::UnknownOutcome("timeout".into()), Code::Unavailable, false),
            (LogError::Unavailable("down".into()), Code::Unavailable, false),
            (LogError::UnknownPartition(nowhere), Code::Unavailable, false),
            (LogError::TooLarge { bytes: 2, bytes_max: 1 }, Code::Internal, false),
            (LogError::OutOfRange { asked: 1, low: 2, high: 3 }, Code::Internal, false),
            (LogError::Damaged { offset: 1, detail: "secret".into() }, Code::Internal, false),
        ] {
            let error = NotTaken::from(error);
            assert_eq!((error.code, error.is_refusal()), (code, is_refusal), "{error}");
            assert_eq!(error.retry_delay().is_some(), code != Code::Internal, "{error}");
            assert!(!error.message.contains("secret"), "the cause of a fault is not the client's");
        }
        assert_eq!(NotTaken::from(AdmissionError("stale".into())).code, Code::Unavailable);
    }

    #[test]
    fn a_broken_rule_names_its_field_and_is_worth_no_retry() {
        let error = NotTaken::breaks_rule(Code::TooLarge, "pulses", "must be fewer");
        assert_eq!((error.message.as_str(), error.field), ("pulses must be fewer", Some("pulses")));
        assert_eq!((error.retry_delay(), error.is_refusal()), (None, false));
        let limit = RateLimit { name: "x", quota: 60, window_seconds: 60, remaining: 0, reset_seconds: 9 };
        let delay = NotTaken::quota_exceeded("much", limit).retry_delay();
        assert_eq!(delay, Some(Duration::from_secs(9)), "a limit knows when there is more");
    }
}
