//! Names of things: text that was checked once.

use crate::reject::{Reject, RejectReason};
use std::fmt;
use std::sync::Arc;
use uuid::Uuid;

/// The rule of SKU, unit, plan, contract and price names.
const NAME_RULE: &str = "must match [A-Za-z0-9][A-Za-z0-9._:/-]{0,63}";

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/-".contains(&byte);
    first && text.len() <= 64 && bytes.all(rest)
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $field:literal, $check:expr, $rule:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the rule; the refusal names the field.
            pub fn parse(text: &str) -> Result<Self, Reject> {
                Self::check(text).map(|()| Self(text.into()))
            }

            /// Reads a text that is often the same as the one before: then both share it.
            pub fn parse_after(text: &str, before: Option<&Self>) -> Result<Self, Reject> {
                match before {
                    Some(before) if before.as_str() == text => Ok(before.clone()),
                    _ => Self::parse(text),
                }
            }

            /// Checks the rule of a text that stays shared.
            pub fn parse_shared(text: &Arc<str>) -> Result<Self, Reject> {
                Self::check(text).map(|()| Self(Arc::clone(text)))
            }

            fn check(text: &str) -> Result<(), Reject> {
                let holds: fn(&str) -> bool = $check;
                if holds(text) {
                    Ok(())
                } else {
                    Err(Reject::new(RejectReason::InvalidField, $field, $rule))
                }
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text, shared.
            pub fn to_shared(&self) -> Arc<str> {
                Arc::clone(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// Who pays.
    TenantId, "tenant",
    |text| (1..=128).contains(&text.len()) && !text.chars().any(char::is_control),
    "must be 1 to 128 bytes of UTF-8 without control characters"
);
text_id!(
    /// What was used.
    SkuId, "sku", is_name, NAME_RULE
);
text_id!(
    /// A unit of the registry: `GB.s`.
    UnitId, "unit", is_name, NAME_RULE
);
text_id!(
    /// A price plan.
    PlanId, "plan", is_name, NAME_RULE
);
text_id!(
    /// A price within a plan.
    PriceId, "price", is_name, NAME_RULE
);
text_id!(
    /// A contract.
    ContractId, "contract", is_name, NAME_RULE
);
text_id!(
    /// The reporting service, the namespace of a pulse's id; may be empty.
    Source, "source",
    |text| text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_graphic()),
    "must be a URI reference of at most 256 bytes"
);
text_id!(
    /// The resource that was used; may be empty.
    ResourceId, "resource_id",
    |text| text.len() <= 256 && !text.chars().any(char::is_control),
    "must be at most 256 bytes without control characters"
);

/// A pulse's id in canonical form: text that parses as a hyphenated UUID is its sixteen bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PulseId {
    /// A UUID.
    Uuid([u8; 16]),
    /// Any other text, 1 to 64 bytes.
    Text(Arc<str>),
}

impl PulseId {
    /// Reads an id; the refusal names `field`.
    pub fn parse(text: &str, field: &str) -> Result<Self, Reject> {
        if let Some(uuid) = hyphenated(text) {
            return Ok(Self::Uuid(uuid.into_bytes()));
        }
        if (1..=64).contains(&text.len()) && !text.chars().any(char::is_control) {
            return Ok(Self::Text(text.into()));
        }
        let rule = "must be 1 to 64 bytes without control characters";
        Err(Reject::new(RejectReason::InvalidId, field, rule))
    }

    /// The canonical bytes, which identity compares.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Uuid(bytes) => bytes,
            Self::Text(text) => text.as_bytes(),
        }
    }

    /// The time a UUIDv7 carries, in milliseconds since 1970.
    pub fn unix_millis(&self) -> Option<i64> {
        let Self::Uuid(bytes) = self else { return None };
        let uuid = Uuid::from_bytes(*bytes);
        if uuid.get_version_num() != 7 {
            return None;
        }
        let (seconds, nanos) = uuid.get_timestamp()?.to_unix();
        i64::try_from(seconds * 1_000 + u64::from(nanos / 1_000_000)).ok()
    }
}

fn hyphenated(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten()
}

impl fmt::Display for PulseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(bytes) => Uuid::from_bytes(*bytes).hyphenated().fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_follow_their_rule() {
        for good in ["a", "llm.input", "GB.s", "9:x/y_z".trim_end_matches("_z"), &"a".repeat(64)] {
            assert!(SkuId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", ".a", "a b", "ä", "a\n", &"a".repeat(65)] {
            assert_eq!(SkuId::parse(bad).unwrap_err().field, "sku", "{bad}");
        }
    }

    #[test]
    fn a_shared_text_follows_the_same_rule_and_stays_shared() {
        let text: Arc<str> = "llm.input".into();
        let sku = SkuId::parse_shared(&text).unwrap();
        assert!(Arc::ptr_eq(&sku.to_shared(), &text));
        assert_eq!(SkuId::parse_shared(&"a b".into()), SkuId::parse("a b"));
        assert!(TenantId::parse_shared(&"".into()).is_err());
    }

    #[test]
    fn spellings_of_one_uuid_are_one_id() {
        let lower = PulseId::parse("018f4e2a-0000-7000-8000-00000000abcd", "id").unwrap();
        let upper = PulseId::parse("018F4E2A-0000-7000-8000-00000000ABCD", "id").unwrap();
        assert_eq!(lower, upper);
        assert_eq!(upper.to_string(), "018f4e2a-0000-7000-8000-00000000abcd");
        let simple = PulseId::parse("018f4e2a00007000800000000000abcd", "id").unwrap();
        assert!(matches!(simple, PulseId::Text(_)));
    }

    #[test]
    fn a_uuid_of_version_seven_tells_its_time() {
        let id = PulseId::parse("018f4e2a-0000-7000-8000-00000000abcd", "id").unwrap();
        assert_eq!(id.unix_millis(), Some(0x018f_4e2a_0000));
        let random = PulseId::parse("018f4e2a-0000-4000-8000-00000000abcd", "id").unwrap();
        assert_eq!(random.unix_millis(), None);
    }

    proptest! {
        #[test]
        fn an_id_reads_back_from_its_text(text in "[ -~]{1,64}") {
            let id = PulseId::parse(&text, "id").unwrap();
            prop_assert_eq!(PulseId::parse(&id.to_string(), "id").unwrap(), id);
        }

        #[test]
        fn no_text_panics(text in ".{0,200}") {
            let _ = (PulseId::parse(&text, "id"), TenantId::parse(&text), Source::parse(&text), UnitId::parse(&text));
        }
    }
}
