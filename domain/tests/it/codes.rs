//! The tables of codes and reasons, row by row.

use domain::code::Code;
use domain::reject::{Reject, RejectReason};
use std::collections::BTreeSet;

/// The table of the contract: name, number of gRPC's status, HTTP status, whether to try again.
const CODES: [(&str, i32, u16, bool); 19] = [
    ("INVALID_ARGUMENT", 3, 400, false),
    ("INVALID_RANGE", 3, 400, false),
    ("INVALID_TIME_ZONE", 3, 400, false),
    ("INVALID_PAGE_TOKEN", 3, 400, false),
    ("UNAUTHENTICATED", 16, 401, false),
    ("NOT_ALLOWED", 7, 403, false),
    ("NOT_FOUND", 5, 404, false),
    ("PERIOD_CLOSED", 9, 409, false),
    ("IN_USE", 9, 409, false),
    ("IDEMPOTENCY_IN_PROGRESS", 10, 409, true),
    ("REVISION_MISMATCH", 10, 412, false),
    ("TOO_LARGE", 3, 413, false),
    ("IDEMPOTENCY_KEY_REUSED", 3, 422, false),
    ("QUOTA_EXCEEDED", 8, 429, true),
    ("OVERLOADED", 8, 503, true),
    ("INTERNAL", 13, 500, false),
    ("UNAVAILABLE", 14, 503, true),
    ("NOT_READY", 14, 503, true),
    ("DEADLINE_EXCEEDED", 4, 504, true),
];

/// Reasons by their number on the wire.
const REASONS: [&str; 16] = [
    "INVALID_QUANTITY",
    "UNIT_MISMATCH",
    "UNKNOWN_SKU",
    "UNKNOWN_TENANT",
    "INVALID_TIME",
    "TOO_LATE",
    "IN_FUTURE",
    "DUPLICATE_CONFLICT",
    "DIMENSION_LIMIT",
    "TOO_LARGE",
    "NOT_ALLOWED",
    "UNKNOWN_UNIT",
    "TENANT_SUSPENDED",
    "INVALID_ID",
    "INVALID_FIELD",
    "UNDECODABLE",
];

#[test]
fn every_code_has_its_row_of_the_contract_and_no_other_exists() {
    assert_eq!(Code::ALL.len(), CODES.len());
    for (name, grpc, http, is_retryable) in CODES {
        let code = Code::find(name).unwrap();
        assert_eq!((code.name(), code.grpc(), code.http()), (name, grpc, http));
        assert_eq!((code.is_retryable(), code.to_string().as_str()), (is_retryable, name));
    }
    for unknown in ["", "invalid_argument", "INVALID_ARGUMENT ", "CANCELLED"] {
        assert_eq!(Code::find(unknown), None, "{unknown}");
    }
}

/// What may be tried again is the service's state, what may not is the request's or a bug.
#[test]
fn titles_are_plain_words_and_retries_are_for_passing_states() {
    let titles: BTreeSet<&str> = Code::ALL.iter().map(|code| code.title()).collect();
    assert_eq!(titles.len(), Code::ALL.len());
    assert!(titles.iter().all(|title| title.starts_with(char::is_lowercase) && !title.ends_with('.')));
    for code in Code::ALL.iter().filter(|code| code.is_retryable()) {
        assert!([409, 429, 503, 504].contains(&code.http()), "{code}");
    }
}

#[test]
fn every_reason_has_its_number_and_name() {
    assert_eq!(RejectReason::ALL.len(), REASONS.len());
    for (number, name) in (1..).zip(REASONS) {
        let reason = RejectReason::from_number(number).unwrap();
        assert_eq!((reason.number(), reason.name()), (number, name));
        assert_eq!((RejectReason::find(name), reason.to_string().as_str()), (Some(reason), name));
    }
    for unknown in [0, -1, 17, i32::MAX, i32::MIN] {
        assert_eq!(RejectReason::from_number(unknown), None, "{unknown}");
    }
    for unknown in ["", "unknown_sku", "UNKNOWN"] {
        assert_eq!(RejectReason::find(unknown), None, "{unknown}");
    }
}

#[test]
fn all_but_two_reasons_keep_the_pulse() {
    let dropped: Vec<&str> =
        RejectReason::ALL.iter().filter(|reason| !reason.is_kept()).map(|reason| reason.name()).collect();
    assert_eq!(dropped, ["TOO_LARGE", "NOT_ALLOWED"]);
}

#[test]
fn a_refusal_says_reason_field_and_rule() {
    let reject = Reject::new(RejectReason::DimensionLimit, "dimensions.region", "must be at most 256 bytes");
    assert_eq!(reject.message, "dimensions.region must be at most 256 bytes");
    assert_eq!(reject.to_string(), "DIMENSION_LIMIT: dimensions.region must be at most 256 bytes");
}
