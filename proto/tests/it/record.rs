//! Records of pulses and of statements.

use crate::sample::{
    any_refused, any_stamped, bare_raw, decided, entry, envelope, period, raw, refused, stamped,
    wide_dimensions,
};
use bytes::Bytes;
use domain::dead_letter::{DeadLetterEvent, DeadLetterId};
use domain::port::{Entry, Header};
use domain::position::Position;
use domain::pulse::{RawPulse, StampedPulse};
use domain::time::Timestamp;
use proptest::prelude::*;
use prost::Message;
use proto::log;
use proto::record::{
    Body, Control, Envelope, FORMAT_HEADER, Pulses, RECORD_OVERHEAD, RecordError, RefusedPulse, pack,
    pack_control, refused_size_hint, size_hint, to_log, unpack,
};

fn read(value: Bytes) -> Result<Body, RecordError> {
    unpack(&entry(to_log(value))).map(|unpacked| unpacked.body)
}

fn pulses(value: Bytes) -> Pulses {
    match read(value).unwrap() {
        Body::Pulses(pulses) => *pulses,
        Body::Control(control) => panic!("a record of pulses was read as {control:?}"),
    }
}

/// The record's message with another checksum field, so that only its contents are wrong.
fn resealed(change: impl FnOnce(&mut log::Record)) -> Bytes {
    let mut record = log::Record::decode(pack(&envelope(), &[stamped(&raw())], &[])).unwrap();
    change(&mut record);
    record.crc = None;
    let mut bytes = record.encode_to_vec();
    record.crc = Some(crc32fast::hash(&bytes));
    bytes.clear();
    record.encode(&mut bytes).unwrap();
    bytes.into()
}

/// Format 1, rules 1, generation 1, incarnation 2, and the arrival in nanoseconds, little-endian.
const GOLDEN_ENVELOPE: &str = "08011001180120022900cd6d864ac98f18";

/// Computed apart, by a protobuf writer of thirty lines of Python. Line by line: envelope and 3002, two pulses; rows
/// (two, which differ in group); sources; dimensions; resources; one billing month for both; catalogue offset 42; a UUID
/// and a text of three bytes; scale 1, 15 and −20 as zigzag 1e and 27; seconds, two before the arrival and the same
/// again; the first has an interval of one second; the first corrects `a-0`; one refused pulse; the CRC.
const GOLDEN_PULSES: [&str; 14] = [
    "3002",
    "3a340802120461636d651a010022096c6c6d2e696e7075742a01003205746f6b656e3a01004209726567696f6e3d657542004a02000142020001",
    "4a076d657465722d314a0052020001",
    "5a156d6f64656c3d612532466226726567696f6e3d65755a0062020001",
    "6a04766d2d316a0072020001",
    "7a0e0a035554431207323032362d303182010100",
    "8a01012a",
    "9201190a13018f4e2a00007000800000000000abcd622d3212020003",
    "980101a201021e27",
    "b0018094ebdc03ba01020300",
    "c2010100ca010102",
    "d2010100da01080a03612d30120103",
    "e201240a0461636d6510031a03736b75220e736b7520697320756e6b6e6f776e2a0570756c7365",
    "f50170d16b33",
];

#[test]
fn golden_record_of_pulses() {
    let second = RawPulse { id: "b-2".into(), quantity: "-2".into(), ..bare_raw() };
    let value = pack(&envelope(), &[stamped(&raw()), stamped(&second)], &[refused()]);
    assert_eq!(format!("{value:x}"), format!("{GOLDEN_ENVELOPE}{}", GOLDEN_PULSES.concat()));
}

/// ea01: field 29, a statement; 0a: about a month; 08 09: close number 9; 20 01: closed.
#[test]
fn golden_record_of_a_statement() {
    let marker =
        Control::Marker { number: 9, calendar: "UTC".into(), period: period("2026-01"), closed: true };
    let body = "ea01140a12080912035554431a07323032362d30312001f5012dd69386";
    assert_eq!(format!("{:x}", pack_control(&envelope(), &marker)), format!("{GOLDEN_ENVELOPE}{body}"));
}

#[test]
fn a_pulse_with_every_field_comes_back() {
    let sent = [stamped(&raw()), stamped(&bare_raw())];
    let value = pack(&envelope(), &sent, &[refused()]);
    let unpacked = unpack(&entry(to_log(value.clone()))).unwrap();
    assert_eq!(unpacked.envelope, envelope());
    let pulses = pulses(value);
    let views: Vec<_> = pulses.accepted().collect();
    for (index, (view, sent)) in views.iter().zip(&sent).enumerate() {
        assert_eq!(view.index, index);
        assert_eq!(view.identity(), sent.pulse.identity());
        assert_eq!(view.content(), sent.pulse.content(&sent.pulse.dimensions.canonical()));
        assert_eq!(view.to_stamped().as_ref(), Some(sent));
    }
    assert_eq!(views[0].to_raw(), raw());
    assert_eq!(proto::pulse::from_wire(proto::v1::Pulse::decode(views[0].payload()).unwrap()), raw());
    assert_eq!(pulses.refused(), [refused()]);
    assert_eq!((pulses.accepted_len(), pulses.len(), pulses.is_empty()), (2, 3, false));
}

#[test]
fn equal_rows_have_equal_references_so_that_nobody_hashes_texts() {
    let other = RawPulse { sku: "llm.output".into(), ..raw() };
    let pulses = pulses(pack(&envelope(), &[stamped(&raw()), stamped(&other), stamped(&raw())], &[]));
    let [first, second, third] = *pulses.accepted().map(|view| view.row).collect::<Vec<_>>() else {
        panic!()
    };
    assert_eq!((first == third, first == second), (true, false));
}

#[test]
fn a_record_may_hold_refused_pulses_alone_but_not_nothing() {
    let only_refused = pulses(pack(&envelope(), &[], &[refused()]));
    assert_eq!((only_refused.accepted_len(), only_refused.len()), (0, 1));
    assert_eq!(read(pack(&envelope(), &[], &[])).unwrap_err(), RecordError::Damaged);
}

#[test]
fn statements_come_back() {
    let id = DeadLetterId { day: 20_484, generation: 1, partition: 3, position: Position::new(50, 0) };
    let letter = |event| Control::DeadLetter { id, event };
    let statements = [
        Control::Marker {
            number: 9,
            calendar: "Europe/Berlin".into(),
            period: period("2026-01"),
            closed: true,
        },
        Control::Marker { number: 0, calendar: "UTC".into(), period: period("2025-12"), closed: false },
        letter(DeadLetterEvent::Decided(decided())),
        letter(DeadLetterEvent::RefusedAgain),
        letter(DeadLetterEvent::Replayed),
        letter(DeadLetterEvent::Purged),
    ];
    for statement in statements {
        let value = pack_control(&envelope(), &statement);
        assert!(value.len() <= RECORD_OVERHEAD);
        match read(value).unwrap() {
            Body::Control(read) => assert_eq!(read, statement),
            Body::Pulses(_) => panic!("{statement:?} was read as pulses"),
        }
    }
}

#[test]
fn what_is_not_ours_newer_or_damaged_is_told_apart() {
    let value = pack(&envelope(), &[stamped(&raw())], &[]);
    let with_headers = |headers| Entry { headers, ..entry(to_log(value.clone())) };
    let format =
        |value: &'static [u8]| Header { name: FORMAT_HEADER.into(), value: Bytes::from_static(value) };
    assert_eq!(unpack(&with_headers(Vec::new())).unwrap_err(), RecordError::Foreign);
    assert_eq!(unpack(&with_headers(vec![format(b"2")])).unwrap_err(), RecordError::NewerFormat(2));
    assert_eq!(read(resealed(|record| record.format = 3)).unwrap_err(), RecordError::NewerFormat(3));
    assert_eq!(read(resealed(|record| record.rules = 2)).unwrap_err(), RecordError::NewerRules(2));
    assert!(read(resealed(|_| ())).is_ok());
    for bit in 0..value.len() * 8 {
        let mut damaged = value.to_vec();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(read(damaged.into()).unwrap_err(), RecordError::Damaged, "bit {bit}");
    }
}

#[test]
fn contents_that_break_a_rule_are_damage() {
    let changes: [fn(&mut log::Record); 16] = [
        |record| record.accepted_count = 257,
        |record| record.accepted_count = u32::MAX,
        |record| record.accepted_count = 2,
        |record| record.row_indexes = Bytes::from_static(&[1]),
        |record| record.rows = None,
        |record| record.rows.as_mut().unwrap().count = u32::MAX,
        |record| record.rows.as_mut().unwrap().sku_indexes = Bytes::new(),
        |record| record.source_indexes = Bytes::from_static(&[9]),
        |record| record.dimensions.clear(),
        |record| record.billing_months[0].period = "2026-13".into(),
        |record| record.catalog_offsets = vec![1, 2],
        |record| record.ids = None,
        |record| record.quantity_scale = 13,
        |record| record.time_unit_nanos = 0,
        |record| record.correction_indexes = Bytes::from_static(&[1]),
        |record| record.control = Some(log::Control::default()),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        assert_eq!(read(resealed(change)).unwrap_err(), RecordError::Damaged, "change {index}");
    }
    let unknown_reason = RefusedPulse { tenant: String::new(), ..refused() };
    let mut record = log::Record::decode(pack(&envelope(), &[], &[unknown_reason])).unwrap();
    record.refused[0].reason = 99;
    assert_eq!(read(resealed(|other| *other = record)).unwrap_err(), RecordError::Damaged);
}

/// 256 pulses of one tenant and three SKUs, a UUID and a millisecond each.
fn typical() -> Vec<StampedPulse> {
    let start = Timestamp::parse("2026-01-31T10:14:00.123Z").unwrap();
    let pulse = |index: u32| {
        let id = format!("018f4e2a-{index:04x}-7000-8000-5eed5eed{index:04x}");
        let event = Timestamp::from_millis(start.millis() + i64::from(index) * 37);
        let raw = RawPulse {
            id,
            sku: ["llm.input", "llm.output", "llm.cached"][index as usize % 3].into(),
            quantity: (index * 977).to_string(),
            event_time: Some(event.into()),
            interval_end_time: None,
            corrects_id: String::new(),
            ..raw()
        };
        stamped(&raw)
    };
    (0..256).map(pulse).collect()
}

#[test]
fn a_typical_pulse_takes_less_than_forty_bytes() {
    let value = pack(&envelope(), &typical(), &[]);
    assert!(value.len() < 256 * 40, "{} bytes for 256 pulses", value.len());
    assert_eq!(pulses(value).accepted_len(), 256);
}

#[test]
fn the_hint_holds_for_the_widest_texts() {
    let mut widest = stamped(&raw());
    widest.pulse.dimensions = wide_dimensions();
    let value = pack(&envelope(), std::slice::from_ref(&widest), &[]);
    assert!(value.len() <= RECORD_OVERHEAD + size_hint(&widest));
}

fn within_hints(envelope: &Envelope, accepted: &[StampedPulse], refused: &[RefusedPulse]) -> bool {
    let hints =
        accepted.iter().map(size_hint).sum::<usize>() + refused.iter().map(refused_size_hint).sum::<usize>();
    pack(envelope, accepted, refused).len() <= RECORD_OVERHEAD + hints
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_pulse_comes_back_and_keeps_its_hint(
        accepted in prop::collection::vec(any_stamped(), 0..12),
        refused in prop::collection::vec(any_refused(), 0..4),
    ) {
        prop_assume!(!accepted.is_empty() || !refused.is_empty());
        let value = pack(&envelope(), &accepted, &refused);
        prop_assert_eq!(&value, &pack(&envelope(), &accepted, &refused));
        prop_assert!(within_hints(&envelope(), &accepted, &refused));
        let read = pulses(value);
        let back: Option<Vec<StampedPulse>> = read.accepted().map(|view| view.to_stamped()).collect();
        prop_assert_eq!(back, Some(accepted));
        prop_assert_eq!(read.refused(), refused);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read(bytes.into()).is_err());
    }

    #[test]
    fn no_mutation_panics_where_the_checksum_is_right(
        accepted in prop::collection::vec(any_stamped(), 1..4),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let value = pack(&envelope(), &accepted, &[]);
        let mut body = value[..value.len() - 6].to_vec();
        for (place, byte) in changes {
            let place = place.index(body.len());
            body[place] = byte;
        }
        let crc = crc32fast::hash(&body);
        body.extend_from_slice(&[0xf5, 0x01]);
        body.extend_from_slice(&crc.to_le_bytes());
        if let Ok(Body::Pulses(pulses)) = read(body.into()) {
            for view in pulses.accepted() {
                let _ = (view.to_stamped(), view.payload(), view.identity(), view.content());
            }
        }
    }
}
