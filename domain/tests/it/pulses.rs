//! A pulse's fields, one by one, at their bounds; what makes two pulses the same, and what does not.

use domain::hash::HashKey;
use domain::id::PulseId;
use domain::pulse::{Identity, Pulse, RawPulse, RawTime, Rejects};
use domain::reject::{Reject, RejectReason};
use domain::time::Timestamp;
use proptest::prelude::*;

const UUID_V7: &str = "018f4e2a-0000-7000-8000-00000000abcd";

fn valid() -> RawPulse {
    RawPulse {
        id: "a-1".into(),
        source: "meter-1".into(),
        tenant: "acme".into(),
        sku: "llm.input".into(),
        quantity: "1.5".into(),
        unit: "token".into(),
        event_time: Some(RawTime { seconds: 1_700_000_000, nanos: 5 }),
        interval_end_time: Some(RawTime { seconds: 1_700_000_060, nanos: 0 }),
        dimensions: vec![("region".into(), "eu".into())],
        resource_id: "vm-7".into(),
        corrects_id: "a-0".into(),
    }
}

fn pulse() -> Pulse {
    valid().parse().unwrap()
}

/// The fields and reasons of a refusal, in their order.
fn refusals(raw: &RawPulse) -> Vec<(String, RejectReason)> {
    let rejects = raw.parse().unwrap_err();
    rejects.all().iter().map(|reject| (reject.field.clone(), reject.reason)).collect()
}

fn time(seconds: i64, nanos: i32) -> RawTime {
    RawTime { seconds, nanos }
}

#[test]
fn each_field_is_refused_under_its_own_name_and_reason() {
    use RejectReason::{DimensionLimit, InvalidField, InvalidId, InvalidQuantity, InvalidTime};
    let cases = [
        ("id", InvalidId, RawPulse { id: String::new(), ..valid() }),
        ("id", InvalidId, RawPulse { id: "a\u{7}".into(), ..valid() }),
        ("source", InvalidField, RawPulse { source: "a b".into(), ..valid() }),
        ("tenant", InvalidField, RawPulse { tenant: String::new(), ..valid() }),
        ("sku", InvalidField, RawPulse { sku: "-".into(), ..valid() }),
        ("quantity", InvalidQuantity, RawPulse { quantity: String::new(), ..valid() }),
        ("quantity", InvalidQuantity, RawPulse { quantity: "1,5".into(), ..valid() }),
        ("unit", InvalidField, RawPulse { unit: String::new(), ..valid() }),
        ("event_time", InvalidTime, RawPulse { event_time: None, interval_end_time: None, ..valid() }),
        ("event_time", InvalidTime, RawPulse { event_time: Some(time(0, 1_000_000_000)), ..valid() }),
        (
            "event_time",
            InvalidTime,
            RawPulse { event_time: Some(time(i64::MAX, 0)), interval_end_time: None, ..valid() },
        ),
        (
            "interval_end_time",
            InvalidTime,
            RawPulse { interval_end_time: Some(time(1_700_000_000, 4)), ..valid() },
        ),
        ("interval_end_time", InvalidTime, RawPulse { interval_end_time: Some(time(0, -1)), ..valid() }),
        (
            "dimensions.R",
            DimensionLimit,
            RawPulse { dimensions: vec![("R".into(), String::new())], ..valid() },
        ),
        ("resource_id", InvalidField, RawPulse { resource_id: "\n".into(), ..valid() }),
        ("corrects_id", InvalidField, RawPulse { corrects_id: "c".repeat(65), ..valid() }),
    ];
    for (field, reason, raw) in cases {
        assert_eq!(refusals(&raw), [(field.to_owned(), reason)], "{raw:?}");
    }
}

#[test]
fn optional_fields_may_be_absent() {
    let raw = RawPulse {
        source: String::new(),
        interval_end_time: None,
        dimensions: Vec::new(),
        resource_id: String::new(),
        corrects_id: String::new(),
        ..valid()
    };
    let pulse = raw.parse().unwrap();
    assert_eq!((pulse.interval_end_time, pulse.corrects_id.clone()), (None, None));
    assert!(pulse.dimensions.is_empty() && pulse.source.as_str().is_empty());
    assert_eq!(RawPulse::from(&pulse), raw);
}

#[test]
fn a_refusal_tells_the_first_field_and_keeps_them_all() {
    let raw = RawPulse { tenant: String::new(), quantity: "x".into(), ..valid() };
    let rejects = raw.parse().unwrap_err();
    assert_eq!(rejects.all().len(), 2);
    assert_eq!(
        rejects.to_string(),
        rejects.all().iter().map(Reject::to_string).collect::<Vec<_>>().join("; ")
    );
    assert_eq!(rejects.into_first().field, "tenant");
    let one = Reject::new(RejectReason::UnknownSku, "sku", "is unknown");
    assert_eq!(one.to_string(), "UNKNOWN_SKU: sku is unknown");
    assert_eq!(Rejects::from(one.clone()).all(), [one]);
}

#[test]
fn an_interval_may_end_where_it_begins_and_not_before() {
    for (nanos, is_valid) in [(4, false), (5, true), (6, true)] {
        let raw = RawPulse { interval_end_time: Some(time(1_700_000_000, nanos)), ..valid() };
        assert_eq!(raw.parse().is_ok(), is_valid, "{nanos}");
    }
}

/// What the edge fills in, by what was sent: id, event time, and the minted id where one may be minted.
#[test]
fn ids_are_minted_and_times_taken_from_ids_only_where_nothing_else_was_sent() {
    let minted = PulseId::parse(UUID_V7, "id").unwrap();
    let of_uuid = Some(Timestamp::from_millis(0x018f_4e2a_0000).into());
    let sent = Some(time(1_700_000_000, 5));
    for (id, event_time, may_mint, id_after, time_after) in [
        ("a-1", sent, true, "a-1", sent),
        ("a-1", None, true, "a-1", None),
        ("", sent, true, UUID_V7, sent),
        ("", None, true, UUID_V7, of_uuid),
        ("", None, false, "", None),
        (UUID_V7, None, false, UUID_V7, of_uuid),
        (UUID_V7, sent, false, UUID_V7, sent),
        ("018f4e2a-0000-4000-8000-00000000abcd", None, true, "018f4e2a-0000-4000-8000-00000000abcd", None),
    ] {
        let mut raw = RawPulse { id: id.into(), event_time, ..valid() };
        raw.stamp(may_mint.then(|| minted.clone()));
        assert_eq!((raw.id.as_str(), raw.event_time), (id_after, time_after), "{id} {event_time:?}");
    }
}

#[test]
fn an_identity_is_tenant_source_id_and_minute() {
    let pulse = pulse();
    let identity = Identity { tenant: "acme", source: "meter-1", id: b"a-1", minute: 28_333_333 };
    assert_eq!(pulse.identity(), identity);
    let changed = [
        Identity { tenant: "acme2", ..identity },
        Identity { source: "meter-2", ..identity },
        Identity { source: "", ..identity },
        Identity { id: b"a-2", ..identity },
        Identity { minute: 28_333_334, ..identity },
        Identity { tenant: "acm", source: "emeter-1", ..identity },
    ];
    for key in [[0; 16], [7; 16]] {
        for other in changed {
            assert_ne!(other.hash(&key), identity.hash(&key), "{other:?}");
        }
    }
    assert_ne!(identity.hash(&[0; 16]), identity.hash(&[7; 16]), "the key is the generation's own");
}

/// A second of the same minute is the same identity with other content: a conflict, not another pulse.
#[test]
fn another_instant_of_the_minute_is_other_content() {
    let key: HashKey = [7; 16];
    let base = RawPulse { event_time: Some(time(1_700_000_000, 0)), ..valid() }.parse().unwrap();
    for (seconds, nanos, same_identity) in
        [(1, 0, true), (39, 999_999_999, true), (40, 0, false), (-20, 0, true), (-21, 0, false)]
    {
        let event_time = Some(time(1_700_000_000 + seconds, nanos));
        let other = RawPulse { event_time, ..valid() }.parse().unwrap();
        assert_eq!(other.identity() == base.identity(), same_identity, "{seconds}");
        assert_ne!(other.content_hash(&key), base.content_hash(&key), "{seconds}");
    }
}

#[test]
fn spellings_of_one_content_are_one_content() {
    let key: HashKey = [9; 16];
    let base = RawPulse { corrects_id: UUID_V7.into(), ..valid() };
    let hash = |raw: &RawPulse| raw.parse().unwrap().content_hash(&key);
    let two = |first: (&str, &str), second: (&str, &str)| {
        [first, second].map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec()
    };
    let respelled = [
        RawPulse { quantity: "001.500".into(), ..base.clone() },
        RawPulse { corrects_id: UUID_V7.to_uppercase(), ..base.clone() },
        RawPulse { dimensions: two(("region", "us"), ("region", "eu")), ..base.clone() },
    ];
    for raw in respelled {
        assert_eq!(hash(&raw), hash(&base), "{raw:?}");
    }
    let (one, other) = (two(("a", "1"), ("b", "2")), two(("b", "2"), ("a", "1")));
    assert_eq!(
        hash(&RawPulse { dimensions: one, ..base.clone() }),
        hash(&RawPulse { dimensions: other, ..base.clone() })
    );
    let shifted = RawPulse { resource_id: String::new(), corrects_id: "vm-7".into(), ..base };
    let swapped = RawPulse { resource_id: "vm-7".into(), corrects_id: String::new(), ..shifted.clone() };
    assert_ne!(hash(&shifted), hash(&swapped), "a value belongs to its field");
}

#[test]
fn the_sign_of_a_quantity_is_content() {
    let key: HashKey = [1; 16];
    let hash = |quantity: &str| {
        RawPulse { quantity: quantity.into(), ..valid() }.parse().unwrap().content_hash(&key)
    };
    assert_ne!(hash("1"), hash("-1"));
    assert_eq!(hash("0"), hash("-0.00"));
}

fn raws() -> impl Strategy<Value = RawPulse> {
    let ids = ("[ -~]{1,64}", "[!-~]{0,30}", "[a-zé ]{1,60}", "[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}");
    let amounts = (r"-?[0-9]{1,18}(\.[0-9]{1,12})?", "[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}");
    let times = (-9_000_000_000_i64..9_000_000_000, 0..1_000_000_000, prop::option::of(0_i64..100_000));
    let rest =
        (prop::collection::btree_map("[a-z][a-z0-9_]{0,10}", ".{0,20}", 0..5), "[ -~]{0,60}", "[ -~]{0,60}");
    (ids, amounts, times, rest).prop_map(|(ids, amounts, (seconds, nanos, length), rest)| RawPulse {
        id: ids.0,
        source: ids.1,
        tenant: ids.2,
        sku: ids.3,
        quantity: amounts.0,
        unit: amounts.1,
        event_time: Some(time(seconds, nanos)),
        interval_end_time: length.map(|length| time(seconds + length, nanos)),
        dimensions: rest.0.into_iter().collect(),
        resource_id: rest.1,
        corrects_id: rest.2,
    })
}

proptest! {
    #[test]
    fn what_follows_the_rules_is_a_pulse_and_reads_back(raw in raws()) {
        let pulse = raw.parse().unwrap();
        let again = RawPulse::from(&pulse);
        prop_assert_eq!(again.parse().unwrap(), pulse.clone());
        prop_assert_eq!(RawPulse::from(&again.parse().unwrap()), again.clone(), "it is a normal form");
        let key = [3; 16];
        prop_assert_eq!(again.parse().unwrap().content_hash(&key), pulse.content_hash(&key));
        prop_assert_eq!(pulse.identity().minute, raw.event_time.unwrap().seconds.div_euclid(60));
    }

    #[test]
    fn any_other_content_is_another_hash(one in raws(), other in raws()) {
        let (one, other) = (one.parse().unwrap(), other.parse().unwrap());
        let key = [5; 16];
        let is_same = one.content(&one.dimensions.canonical()) == other.content(&other.dimensions.canonical());
        prop_assert_eq!(one.content_hash(&key) == other.content_hash(&key), is_same);
        prop_assert_eq!(one.identity().hash(&key) == other.identity().hash(&key), one.identity() == other.identity());
    }
}
