//! Names and ids: each rule at its bounds, and which field a refusal names.

use domain::id::{ContractId, PlanId, PriceId, PulseId, ResourceId, SkuId, Source, TenantId, UnitId};
use domain::reject::{Reject, RejectReason};
use proptest::prelude::*;

type Parse = fn(&str) -> Result<String, Reject>;

const NAMES: [(&str, Parse); 5] = [
    ("sku", |text| SkuId::parse(text).map(|id| id.to_string())),
    ("unit", |text| UnitId::parse(text).map(|id| id.to_string())),
    ("plan", |text| PlanId::parse(text).map(|id| id.to_string())),
    ("price", |text| PriceId::parse(text).map(|id| id.to_string())),
    ("contract", |text| ContractId::parse(text).map(|id| id.to_string())),
];

fn refused(result: Result<String, Reject>) -> (RejectReason, String) {
    let reject = result.unwrap_err();
    assert!(reject.message.starts_with(&reject.field), "{reject}");
    (reject.reason, reject.field)
}

#[test]
fn names_hold_one_to_sixty_four_of_their_letters_and_begin_with_a_letter_or_digit() {
    let longest = "z".repeat(64);
    for (field, parse) in NAMES {
        for good in ["a", "Z", "0", "llm.input", "vm:large/eu-1", "a_b", "9...", &longest] {
            assert_eq!(parse(good).as_deref(), Ok(good), "{field}");
        }
        let too_long = "z".repeat(65);
        for bad in ["", ".a", "_a", "-a", "/a", ":a", "a b", "a\u{0}", "ä", "a+b", "a\\b", "a\n", &too_long]
        {
            assert_eq!(refused(parse(bad)), (RejectReason::InvalidField, field.to_owned()), "{bad:?}");
        }
    }
}

/// The rule as a set of characters, apart from the code's own.
#[test]
fn every_ascii_byte_is_allowed_in_a_name_exactly_where_the_rule_says() {
    let rest = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/-";
    for byte in 0..=127_u8 {
        let character = char::from(byte);
        let first = SkuId::parse(&character.to_string()).is_ok();
        let later = SkuId::parse(&format!("a{character}")).is_ok();
        let is_letter_or_digit = rest.contains(character) && !"._:/-".contains(character);
        assert_eq!((first, later), (is_letter_or_digit, rest.contains(character)), "{character:?}");
    }
}

#[test]
fn a_tenant_is_any_text_without_controls_counted_in_bytes() {
    for good in ["a", " ", "Müller & Söhne", "租户", &"x".repeat(128), &"é".repeat(64)] {
        assert_eq!(TenantId::parse(good).unwrap().as_str(), good);
    }
    for bad in ["", "a\tb", "a\u{7f}", "\u{85}", &"x".repeat(129), &"é".repeat(65)] {
        let parsed = TenantId::parse(bad).map(|tenant| tenant.to_string());
        assert_eq!(refused(parsed), (RejectReason::InvalidField, "tenant".to_owned()), "{bad:?}");
    }
}

#[test]
fn a_source_is_graphic_ascii_and_may_be_empty() {
    for good in ["", "meter-1", "urn:pulse:meter/1?x=%20#y", &"s".repeat(256)] {
        assert_eq!(&*Source::parse(good).unwrap().to_shared(), good);
    }
    for bad in [" ", "a b", "é", "a\n", &"s".repeat(257)] {
        let parsed = Source::parse(bad).map(|source| source.to_string());
        assert_eq!(refused(parsed), (RejectReason::InvalidField, "source".to_owned()), "{bad:?}");
    }
}

#[test]
fn a_resource_is_short_text_without_controls_and_may_be_empty() {
    for good in ["", "vm 7", "arn:aws:ec2:eu-1:vm/7", "é", &"r".repeat(256)] {
        assert_eq!(ResourceId::parse(good).unwrap().as_str(), good);
    }
    for bad in ["\n", "a\u{0}", &"r".repeat(257)] {
        let parsed = ResourceId::parse(bad).map(|resource| resource.to_string());
        assert_eq!(refused(parsed), (RejectReason::InvalidField, "resource_id".to_owned()), "{bad:?}");
    }
}

#[test]
fn a_pulse_id_is_a_uuid_or_short_text_and_its_refusal_names_the_field_asked_for() {
    for good in ["x", "order 17", "é", &"i".repeat(64)] {
        let id = PulseId::parse(good, "id").unwrap();
        assert_eq!((id.as_bytes(), id.unix_millis()), (good.as_bytes(), None));
    }
    for bad in ["", "a\tb", &"i".repeat(65), &"é".repeat(33)] {
        for field in ["id", "corrects_id"] {
            let parsed = PulseId::parse(bad, field).map(|id| id.to_string());
            assert_eq!(refused(parsed), (RejectReason::InvalidId, field.to_owned()), "{bad:?}");
        }
    }
}

/// Only the hyphenated form is a UUID: any other stays the text that was sent, so that nobody's ids collide.
#[test]
fn only_a_hyphenated_uuid_is_its_sixteen_bytes() {
    let hyphenated = "018F4E2A-0000-7000-8000-00000000ABCD";
    let id = PulseId::parse(hyphenated, "id").unwrap();
    assert_eq!(
        id.as_bytes(),
        [0x01, 0x8f, 0x4e, 0x2a, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0xab, 0xcd],
        "its own bytes, in their order"
    );
    let others = [
        "018f4e2a00007000800000000000abcd".to_owned(),
        format!("{{{hyphenated}}}"),
        format!("urn:uuid:{hyphenated}"),
        hyphenated.replacen('A', "G", 1),
        hyphenated.replacen("-7", "7-", 1),
    ];
    for other in others {
        assert_eq!(PulseId::parse(&other, "id").unwrap().as_bytes(), other.as_bytes(), "{other}");
    }
}

#[test]
fn only_version_seven_tells_a_time() {
    for version in 1..=8_u8 {
        let text = format!("018f4e2a-1234-{version}000-8000-00000000abcd");
        let millis = (version == 7).then_some(0x018f_4e2a_1234);
        assert_eq!(PulseId::parse(&text, "id").unwrap().unix_millis(), millis, "{version}");
    }
}

proptest! {
    #[test]
    fn a_name_is_what_the_expression_of_the_contract_matches(text in "[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}") {
        for (_, parse) in NAMES {
            prop_assert_eq!(parse(&text), Ok(text.clone()));
        }
    }

    #[test]
    fn a_uuid_is_its_bytes_in_any_case(bytes in any::<[u8; 16]>()) {
        let hex = format!("{:032x}", u128::from_be_bytes(bytes));
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        let text = parts.join("-");
        let lower = PulseId::parse(&text, "id").unwrap();
        prop_assert_eq!(lower.as_bytes(), &bytes[..]);
        prop_assert_eq!(lower.to_string(), text.clone());
        prop_assert_eq!(PulseId::parse(&text.to_uppercase(), "id").unwrap(), lower);
    }

    #[test]
    fn no_text_panics(text in ".{0,300}") {
        for (_, parse) in NAMES {
            let _ = parse(&text);
        }
        let _ = (TenantId::parse(&text), Source::parse(&text), ResourceId::parse(&text));
        let _ = PulseId::parse(&text, "id");
    }
}
