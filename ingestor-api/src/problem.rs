//! How a refused request looks in HTTP: the problem, with the same code and field.

use crate::not_taken::NotTaken;
use domain::code::Code;
use rest::Problem;
use rest::problem::FieldError;

impl From<NotTaken> for Problem {
    fn from(error: NotTaken) -> Self {
        if error.code == Code::Internal {
            return Self::internal(error);
        }
        let mut problem = Self::new(error.code, error.message.clone());
        if let Some(limit) = error.limit {
            problem = problem.limited(limit);
        }
        let Some(field) = error.field else { return problem };
        let (field, reason) = (field.to_owned(), error.code.name().to_owned());
        problem.with_error(FieldError { field, reason, message: error.message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;
    use rest::problem::RateLimit;

    #[test]
    fn a_broken_rule_names_its_field() {
        let problem = Problem::from(NotTaken::breaks_rule(Code::TooLarge, "pulses", "must be fewer"));
        assert_eq!((problem.kind().status(), problem.detail()), (413, "pulses must be fewer"));
        let expected = FieldError {
            field: "pulses".into(),
            reason: "TOO_LARGE".into(),
            message: "pulses must be fewer".into(),
        };
        assert_eq!(problem.errors(), [expected]);
    }

    #[test]
    fn what_passes_says_when_to_come_again() {
        let refusals =
            [NotTaken::overloaded("full"), NotTaken::unavailable("timeout"), NotTaken::not_ready("behind")];
        for refusal in refusals {
            let problem = Problem::from(refusal.clone());
            assert_eq!((problem.detail(), problem.errors()), (refusal.message.as_str(), &[][..]));
            let response = problem.into_response();
            assert_eq!(
                (response.status().as_u16(), response.headers()["retry-after"].as_bytes()),
                (503, &b"1"[..])
            );
        }
    }

    #[test]
    fn a_quota_that_is_met_is_told_in_headers() {
        let limit = RateLimit { name: "x", quota: 60, window_seconds: 60, remaining: 2, reset_seconds: 9 };
        let response = Problem::from(NotTaken::quota_exceeded("much", limit)).into_response();
        let told = ["ratelimit-policy", "ratelimit", "retry-after"].map(|name| &response.headers()[name]);
        assert_eq!(
            (response.status().as_u16(), told.map(|value| value.to_str().unwrap())),
            (429, ["\"x\";q=60;w=60", "\"x\";r=2;t=9", "9"])
        );
    }

    #[test]
    fn a_fault_tells_nothing_of_its_cause() {
        let cause = NotTaken { code: Code::Internal, ..NotTaken::unavailable("secret") };
        let problem = Problem::from(cause);
        assert_eq!(problem.kind().status(), 500);
        assert!(!problem.detail().contains("secret"));
    }
}
