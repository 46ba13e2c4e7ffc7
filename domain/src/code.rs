//! The codes of a failed request: one table for gRPC and HTTP.

use std::fmt;

/// What a code is on the wire.
struct Row {
    name: &'static str,
    grpc: i32,
    http: u16,
    retryable: bool,
    title: &'static str,
}

macro_rules! codes {
    ($($variant:ident $name:literal $grpc:ident $http:literal $retryable:ident $title:literal),+ $(,)?) => {
        /// `ErrorInfo.reason` in gRPC and `code` in a problem document.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $title] $variant),+ }

        impl Code {
            /// All of them, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            const fn row(self) -> Row {
                match self {
                    $(Self::$variant => Row { name: $name, grpc: grpc::$grpc, http: $http, retryable: $retryable, title: $title }),+
                }
            }
        }
    };
}

/// The numbers of gRPC's status codes.
mod grpc {
    pub const INVALID_ARGUMENT: i32 = 3;
    pub const DEADLINE_EXCEEDED: i32 = 4;
    pub const NOT_FOUND: i32 = 5;
    pub const PERMISSION_DENIED: i32 = 7;
    pub const RESOURCE_EXHAUSTED: i32 = 8;
    pub const FAILED_PRECONDITION: i32 = 9;
    pub const ABORTED: i32 = 10;
    pub const INTERNAL: i32 = 13;
    pub const UNAVAILABLE: i32 = 14;
    pub const UNAUTHENTICATED: i32 = 16;
}

codes! {
    InvalidArgument "INVALID_ARGUMENT" INVALID_ARGUMENT 400 false "the request breaks a rule",
    InvalidRange "INVALID_RANGE" INVALID_ARGUMENT 400 false "the range of time is not valid",
    InvalidTimeZone "INVALID_TIME_ZONE" INVALID_ARGUMENT 400 false "no such time zone",
    InvalidPageToken "INVALID_PAGE_TOKEN" INVALID_ARGUMENT 400 false "the page token is not of this query",
    Unauthenticated "UNAUTHENTICATED" UNAUTHENTICATED 401 false "no valid credential",
    NotAllowed "NOT_ALLOWED" PERMISSION_DENIED 403 false "the credential does not allow this",
    NotFound "NOT_FOUND" NOT_FOUND 404 false "no such resource",
    PeriodClosed "PERIOD_CLOSED" FAILED_PRECONDITION 409 false "the period is closed",
    InUse "IN_USE" FAILED_PRECONDITION 409 false "the resource is in use",
    IdempotencyInProgress "IDEMPOTENCY_IN_PROGRESS" ABORTED 409 true "a request with this idempotency key is under way",
    RevisionMismatch "REVISION_MISMATCH" ABORTED 412 false "the resource has another revision",
    TooLarge "TOO_LARGE" INVALID_ARGUMENT 413 false "the request is too large",
    IdempotencyKeyReused "IDEMPOTENCY_KEY_REUSED" INVALID_ARGUMENT 422 false "the idempotency key was used for another request",
    QuotaExceeded "QUOTA_EXCEEDED" RESOURCE_EXHAUSTED 429 true "a quota is used up",
    Overloaded "OVERLOADED" RESOURCE_EXHAUSTED 503 true "the service has no room for this now",
    Internal "INTERNAL" INTERNAL 500 false "a fault of the service",
    Unavailable "UNAVAILABLE" UNAVAILABLE 503 true "the service cannot answer now",
    NotReady "NOT_READY" UNAVAILABLE 503 true "the service is not ready",
    DeadlineExceeded "DEADLINE_EXCEEDED" DEADLINE_EXCEEDED 504 true "the request took too long",
}

impl Code {
    /// The outward name.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The number of gRPC's status code.
    pub const fn grpc(self) -> i32 {
        self.row().grpc
    }

    /// The HTTP status.
    pub const fn http(self) -> u16 {
        self.row().http
    }

    /// Whether the same request may succeed later.
    pub const fn is_retryable(self) -> bool {
        self.row().retryable
    }

    /// What it means, in one line.
    pub const fn title(self) -> &'static str {
        self.row().title
    }

    /// The code of that outward name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_by_its_name_and_maps_to_its_status() {
        for code in Code::ALL {
            assert_eq!(Code::find(code.name()), Some(*code));
            assert!((400..600).contains(&code.http()), "{code}");
        }
        assert_eq!((Code::Overloaded.grpc(), Code::Overloaded.http()), (8, 503));
        assert_eq!((Code::RevisionMismatch.grpc(), Code::RevisionMismatch.http()), (10, 412));
        assert!(!Code::RevisionMismatch.is_retryable());
    }
}
