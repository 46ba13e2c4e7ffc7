//! How a refused request looks in gRPC: the status, with the same code, field and delay in its details.

use crate::not_taken::NotTaken;
use crate::outcome::Rejection;
use domain::code::Code;
use std::collections::HashMap;
use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt};

/// The domain of our codes in `ErrorInfo`.
const DOMAIN: &str = "pulse";

impl From<NotTaken> for Status {
    fn from(error: NotTaken) -> Self {
        let mut details = ErrorDetails::with_error_info(error.code.name(), DOMAIN, HashMap::new());
        if let Some(delay) = error.retry_delay() {
            details.set_retry_info(Some(delay));
        }
        if let Some(field) = error.field {
            details.add_bad_request_violation(field, error.message.clone());
        }
        Status::with_error_details(grpc(error.code), error.message, details)
    }
}

impl From<Rejection> for Status {
    /// The refusal of a call that is one pulse; it tells where that is kept.
    fn from(Rejection { reject, dead_letter }: Rejection) -> Self {
        let kept = dead_letter.map(|id| ("dead_letter_id".to_owned(), id.to_string()));
        let mut details = ErrorDetails::with_error_info(
            reject.reason.name(),
            DOMAIN,
            kept.into_iter().collect::<HashMap<_, _>>(),
        );
        details.add_bad_request_violation(reject.field, reject.message.clone());
        Status::with_error_details(tonic::Code::InvalidArgument, reject.message, details)
    }
}

/// What a refusal by the transport itself, which knows no codes of ours, is to be: a message too large for it, or one
/// that cannot be read. `None`: it is none.
pub(crate) fn find_refusal(status: &Status) -> Option<Status> {
    let code = match status.code() {
        _ if !status.details().is_empty() => return None,
        tonic::Code::OutOfRange | tonic::Code::ResourceExhausted => Code::TooLarge,
        tonic::Code::Internal => Code::InvalidArgument,
        // The protocol wants this status for it, and the compressions that are known.
        tonic::Code::Unimplemented if status.message().contains("compressed") => {
            return Some(unknown_compression(status.message()));
        }
        _ => return None,
    };
    let rule = format_args!("cannot be read: {}", status.message());
    Some(NotTaken::breaks_rule(code, "request", rule).into())
}

fn unknown_compression(message: &str) -> Status {
    let mut details = ErrorDetails::with_error_info(Code::InvalidArgument.name(), DOMAIN, HashMap::new());
    details.add_bad_request_violation("grpc-encoding", message);
    Status::with_error_details(tonic::Code::Unimplemented, message, details)
}

fn grpc(code: Code) -> tonic::Code {
    tonic::Code::from_i32(code.grpc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::dead_letter::DeadLetterId;
    use domain::reject::{Reject, RejectReason};

    #[test]
    fn a_retryable_code_says_when_and_no_field() {
        let status = Status::from(NotTaken::overloaded("full"));
        let details = status.get_error_details();
        assert_eq!(status.code(), tonic::Code::ResourceExhausted);
        assert_eq!(details.error_info().unwrap().reason, "OVERLOADED");
        assert_eq!(details.error_info().unwrap().domain, "pulse");
        assert!(details.retry_info().unwrap().retry_delay.is_some() && details.bad_request().is_none());
    }

    #[test]
    fn a_broken_rule_names_its_field_and_is_not_to_be_repeated() {
        let status = Status::from(NotTaken::breaks_rule(Code::TooLarge, "pulses", "must be at most 1000"));
        let details = status.get_error_details();
        assert_eq!(
            (status.code(), status.message()),
            (tonic::Code::InvalidArgument, "pulses must be at most 1000")
        );
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, "pulses");
        assert!(details.retry_info().is_none());
    }

    #[test]
    fn a_refusal_by_the_transport_gets_a_code_and_all_else_stays() {
        for (code, reason) in [
            (tonic::Code::OutOfRange, "TOO_LARGE"),
            (tonic::Code::ResourceExhausted, "TOO_LARGE"),
            (tonic::Code::Internal, "INVALID_ARGUMENT"),
        ] {
            let status = find_refusal(&Status::new(code, "why")).unwrap();
            assert_eq!(
                (status.code(), status.message()),
                (tonic::Code::InvalidArgument, "request cannot be read: why")
            );
            assert_eq!(status.get_error_details().error_info().unwrap().reason, reason);
        }
        for other in [Status::unimplemented(""), NotTaken::overloaded("full").into()] {
            assert!(find_refusal(&other).is_none());
        }
    }

    #[test]
    fn a_refused_pulse_gives_its_reason() {
        let reject = Reject::new(RejectReason::UnknownSku, "sku", "names no SKU");
        let status =
            Status::from(Rejection { reject, dead_letter: DeadLetterId::parse("20260131-1-3-12801") });
        let details = status.get_error_details();
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        assert_eq!(details.error_info().unwrap().reason, "UNKNOWN_SKU");
        assert_eq!(details.error_info().unwrap().metadata["dead_letter_id"], "20260131-1-3-12801");
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, "sku");
    }
}
