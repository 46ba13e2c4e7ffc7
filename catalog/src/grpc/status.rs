//! How a refusal looks in gRPC: the status, with the same code, fields and delay in its details.

use ::rest::problem::Kind;
use ::rest::{FieldError, Problem};
use domain::code::Code;
use std::collections::HashMap;
use std::time::Duration;
use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt};

/// The domain of our codes in `ErrorInfo`.
const DOMAIN: &str = "pulse";

/// The status of a problem.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
pub(super) fn refused(problem: Problem) -> Status {
    let code = match problem.kind() {
        Kind::Code(code) => code,
        _ => Code::Internal,
    };
    let mut details = ErrorDetails::with_error_info(code.name(), DOMAIN, HashMap::new());
    if let Some(seconds) = problem.retry_after_seconds() {
        details.set_retry_info(Some(Duration::from_secs(seconds.into())));
    }
    for FieldError { field, message, .. } in problem.errors() {
        details.add_bad_request_violation(in_grpc(field), message.as_str());
    }
    Status::with_error_details(tonic::Code::from_i32(code.grpc()), problem.detail(), details)
}

/// What is a header over HTTP is a field here.
fn in_grpc(field: &str) -> &str {
    match field {
        "If-Match" => "expected_revision",
        "Idempotency-Key" => "idempotency_key",
        field => field,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::Refusal;

    #[test]
    fn a_refusal_keeps_its_code_and_names_its_fields() {
        let status = refused(Problem::from(Refusal::RevisionMismatch(Some(7))));
        let details = status.get_error_details();
        assert_eq!((status.code(), status.message()), (tonic::Code::Aborted, "the resource has revision 7"));
        let info = details.error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("REVISION_MISMATCH", "pulse"));
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, "expected_revision");
        assert!(details.retry_info().is_none());
    }

    #[test]
    fn every_code_has_the_status_of_the_table_and_a_delay_where_it_is_told_over_http() {
        for code in Code::ALL {
            let problem = Problem::new(*code, "why");
            let waits = problem.retry_after_seconds().is_some();
            let status = refused(problem);
            assert_eq!(i32::from(status.code()), code.grpc(), "{code}");
            assert_eq!(status.get_error_details().error_info().unwrap().reason, code.name());
            assert_eq!(status.get_error_details().retry_info().is_some(), waits, "{code}");
        }
        assert_eq!(refused(Problem::new(Kind::NotAcceptable, "")).code(), tonic::Code::Internal);
    }
}
