//! Why a pulse will not be counted as it is: one closed set of reasons for gRPC, REST, dead letters and metrics.

use std::fmt;

macro_rules! reasons {
    ($($number:literal $variant:ident $name:literal $text:literal),+ $(,)?) => {
        /// Why a pulse was rejected; the numbers are those of `pulse.v1.RejectReason`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum RejectReason {
            $(#[doc = $text] $variant = $number),+
        }

        impl RejectReason {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The outward name: `INVALID_QUANTITY`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The reason of that number.
            pub const fn from_number(number: i32) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

reasons! {
    1 InvalidQuantity "INVALID_QUANTITY" "quantity is not an exact decimal in range",
    2 UnitMismatch "UNIT_MISMATCH" "unit is known but does not convert to the SKU's",
    3 UnknownSku "UNKNOWN_SKU" "no such SKU, or deleted",
    4 UnknownTenant "UNKNOWN_TENANT" "no such tenant, or deleted",
    5 InvalidTime "INVALID_TIME" "event time is missing where needed, or the interval ends before it starts",
    6 TooLate "TOO_LATE" "event time is older than the horizon",
    7 InFuture "IN_FUTURE" "event time is more than five minutes ahead",
    8 DuplicateConflict "DUPLICATE_CONFLICT" "the same identity with other content",
    9 DimensionLimit "DIMENSION_LIMIT" "too many dimensions, or a key or value out of bounds",
    10 TooLarge "TOO_LARGE" "the pulse is over 16 KiB",
    11 NotAllowed "NOT_ALLOWED" "the credential may not report for this tenant",
    12 UnknownUnit "UNKNOWN_UNIT" "no such unit in the registry",
    13 TenantSuspended "TENANT_SUSPENDED" "the tenant is suspended",
    14 InvalidId "INVALID_ID" "id is too long, or missing where it is required",
    15 InvalidField "INVALID_FIELD" "another field breaks its rule",
    16 Undecodable "UNDECODABLE" "bytes in the log that are no pulse",
}

impl RejectReason {
    /// The number of `pulse.v1.RejectReason`.
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// The reason of that outward name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.name() == name)
    }

    /// Whether a rejected pulse is kept as a dead letter: all but these two are.
    pub const fn is_kept(self) -> bool {
        !matches!(self, Self::NotAllowed | Self::TooLarge)
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A refusal: the reason, the field at fault, and the rule for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct Reject {
    /// The stable reason.
    pub reason: RejectReason,
    /// The field, named from the pulse: `quantity`, `dimensions.region`.
    pub field: String,
    /// Names field and rule.
    pub message: String,
}

impl Reject {
    /// A refusal whose message reads "`field` `rule`".
    pub fn new(reason: RejectReason, field: impl Into<String>, rule: impl fmt::Display) -> Self {
        let field = field.into();
        let message = format!("{field} {rule}");
        Self { reason, field, message }
    }
}
