//! Values to try the wire contracts with.

use bytes::Bytes;
use domain::aggregate::{QuarterUsage, Row};
use domain::calendar::Period;
use domain::checkpoint::{Checkpoint, Closing, Closings, Totals};
use domain::dead_letter::{DeadLetter, DeadLetterId, DeadLetterState, DecidedIdentity, PayloadKind, Status};
use domain::dimension::Dimensions;
use domain::ledger::{Block, Seen};
use domain::port::{Entry, NewRecord};
use domain::position::Position;
use domain::pulse::{RawPulse, StampedPulse, Stamps};
use domain::quantity::{Quantity, Sum};
use domain::reject::RejectReason;
use domain::time::Timestamp;
use proptest::prelude::*;
use proto::record::{Envelope, RefusedPulse};

pub const UUID: &str = "018f4e2a-0000-7000-8000-00000000abcd";

pub fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub fn period(text: &str) -> Period {
    Period::parse(text).unwrap()
}

pub fn quantity(text: &str) -> Quantity {
    Quantity::parse(text).unwrap()
}

/// The record as a log would give it back.
pub fn entry(record: NewRecord) -> Entry {
    Entry { offset: 7, timestamp: at("2026-01-31T10:15:01Z"), headers: record.headers, value: record.value }
}

pub fn envelope() -> Envelope {
    Envelope { generation: 1, incarnation: 2, arrival: at("2026-01-31T10:15:00.5Z") }
}

/// A pulse with every field.
pub fn raw() -> RawPulse {
    RawPulse {
        id: UUID.into(),
        source: "meter-1".into(),
        tenant: "acme".into(),
        sku: "llm.input".into(),
        quantity: "1.5".into(),
        unit: "token".into(),
        event_time: Some(at("2026-01-31T10:14:58Z").into()),
        interval_end_time: Some(at("2026-01-31T10:14:59Z").into()),
        dimensions: vec![("model".into(), "a/b".into()), ("region".into(), "eu".into())],
        resource_id: "vm-1".into(),
        corrects_id: "a-0".into(),
    }
}

/// A pulse with no field that may be left out.
pub fn bare_raw() -> RawPulse {
    RawPulse {
        source: String::new(),
        interval_end_time: None,
        dimensions: Vec::new(),
        resource_id: String::new(),
        corrects_id: String::new(),
        ..raw()
    }
}

pub fn stamped(raw: &RawPulse) -> StampedPulse {
    let pulse = raw.parse().unwrap();
    let group = pulse.dimensions.group(["region"]);
    let stamps = Stamps { group, calendar: "UTC".into(), period: period("2026-01"), catalog_offset: 42 };
    StampedPulse { pulse, stamps }
}

pub fn refused() -> RefusedPulse {
    RefusedPulse {
        tenant: "acme".into(),
        reason: RejectReason::UnknownSku,
        field: "sku".into(),
        message: "sku is unknown".into(),
        payload: Bytes::from_static(b"pulse"),
    }
}

pub fn row() -> Row {
    let quarter =
        QuarterUsage { sum: Sum::from(quantity("1")), count: 2, min: quantity("-0.5"), max: quantity("1.5") };
    Row {
        position: Position::new(3, 0),
        quarters: [QuarterUsage::default(), quarter, QuarterUsage::default(), QuarterUsage::default()],
        ranges: vec![(1, 2), (3, 4)],
    }
}

pub fn block() -> Block {
    let seen = |raw, identity, content| Seen { position: Position::from_raw(raw), identity, content };
    Block(vec![seen(257, 1, 2), seen(300, u128::MAX, u64::MAX)])
}

pub fn checkpoint() -> Checkpoint {
    let closing = Closing { number: 9, closed: true, offset: 4 };
    Checkpoint {
        next: 5,
        incarnation: 2,
        fingerprint: 3,
        arrival: Timestamp::from_nanos(1),
        block: 6,
        block_fill: 7,
        closings: Closings([(("UTC".into(), period("2026-01")), closing)].into()),
        totals: Totals { read: 3, applied: 1, duplicate: 1, control: 1, ..Totals::default() },
    }
}

pub fn dead_letter() -> DeadLetter {
    DeadLetter {
        id: DeadLetterId { day: 20_484, generation: 1, partition: 3, position: Position::new(50, 0) },
        reason: RejectReason::UnknownSku,
        field: "sku".into(),
        message: "sku is unknown".into(),
        received_time: Timestamp::from_seconds(2),
        kind: PayloadKind::Pulse,
        payload: Bytes::from_static(b"pulse"),
    }
}

pub fn decided() -> DecidedIdentity {
    DecidedIdentity {
        tenant: "acme".into(),
        source: "s".into(),
        id: "a".into(),
        event_time: Timestamp::from_seconds(1),
    }
}

pub fn dead_letter_state() -> DeadLetterState {
    DeadLetterState {
        position: Position::new(1, 0),
        status: Status::Replayed,
        attempts: 2,
        replayed_time: Some(Timestamp::from_seconds(3)),
        decided: Some(decided()),
    }
}

/// Any valid pulse, with texts that repeat and texts that do not.
pub fn any_stamped() -> impl Strategy<Value = StampedPulse> {
    (any_raw(), "(|region=[a-z]{1,3})", "(UTC|Europe/Berlin)", 1_i16..3, any::<u64>()).prop_map(
        |(raw, group, calendar, month, catalog_offset)| StampedPulse {
            pulse: raw.parse().unwrap(),
            stamps: Stamps {
                group: domain::dimension::Group::from_canonical(&group),
                calendar: calendar.into(),
                period: Period::new(2026, month.try_into().unwrap()).unwrap(),
                catalog_offset,
            },
        },
    )
}

/// Any pulse whose fields keep their rules.
pub fn any_raw() -> impl Strategy<Value = RawPulse> {
    let texts = ("(acme|[a-zé]{1,64})", "[a-c]{1,2}", "(token|GB\\.s)", "(|[!-~]{1,256})", "(|[ -~]{1,200})");
    let ids = (any_id(), prop::option::of(any_id()));
    let quantity = r"(1|-?[0-9]{1,18}(\.[0-9]{1,12})?)";
    let dimensions = prop::collection::btree_map("[a-z][a-z0-9_]{0,62}", ".{0,60}", 0..4);
    let numbers = (quantity, any_seconds(), prop::option::of(0_i64..1_000_000), dimensions);
    (texts, ids, numbers).prop_map(|(texts, (id, corrects), (quantity, event, length, dimensions))| {
        let (tenant, sku, unit, source, resource_id) = texts;
        let end = length.map(|length| Timestamp::from_nanos(event.nanos() + length));
        RawPulse {
            id,
            source,
            tenant,
            sku,
            quantity,
            unit,
            event_time: Some(event.into()),
            interval_end_time: end.map(Into::into),
            dimensions: dimensions.into_iter().collect(),
            resource_id,
            corrects_id: corrects.unwrap_or_default(),
        }
    })
}

fn any_id() -> impl Strategy<Value = String> {
    let uuid = any::<[u8; 16]>().prop_map(|bytes| domain::id::PulseId::Uuid(bytes).to_string());
    prop_oneof![uuid, "[!-~]{1,64}"]
}

fn any_seconds() -> impl Strategy<Value = Timestamp> {
    let nanos = (
        1_700_000_000_000_000_000_i64..1_800_000_000_000_000_000,
        prop::sample::select(vec![1, 1_000, 1_000_000_000]),
    );
    nanos.prop_map(|(nanos, unit)| Timestamp::from_nanos(nanos / unit * unit))
}

/// Any refused pulse.
pub fn any_refused() -> impl Strategy<Value = RefusedPulse> {
    let parts = (".{0,20}", prop::sample::select(RejectReason::ALL), ".{0,20}", ".{0,40}", any::<Vec<u8>>());
    parts.prop_map(|(tenant, reason, field, message, payload)| RefusedPulse {
        tenant,
        reason,
        field,
        message,
        payload: payload.into(),
    })
}

/// Dimensions that take three bytes a byte where they are written as text.
pub fn wide_dimensions() -> Dimensions {
    let values: Vec<(String, String)> = (0..16).map(|n| (format!("k{n:062}"), "&".repeat(256))).collect();
    Dimensions::parse(values.iter().map(|(key, value)| (key.as_str(), value.as_str()))).unwrap()
}

/// Any value of a row; quarters without pulses have no extremes.
pub fn any_row() -> impl Strategy<Value = Row> {
    let steps = prop::collection::vec((1_u64..9, 1_u64..1_000_000_000), 0..64);
    (prop::array::uniform4(any_quarter()), 0..i64::MAX, steps).prop_map(|(quarters, position, steps)| {
        let mut end = 0;
        let ranges = steps.iter().map(|(gap, length)| {
            let start = end + gap;
            end = start + length;
            (start, end)
        });
        Row { position: Position::from_raw(position), quarters, ranges: ranges.collect() }
    })
}

fn any_quarter() -> impl Strategy<Value = QuarterUsage> {
    let atoms = -10_i128.pow(29)..10_i128.pow(29);
    let filled = (atoms.clone(), atoms, 1..u64::MAX, any::<[u8; 31]>());
    let filled = filled.prop_map(|(min, max, count, low)| {
        let quantity = |atoms| Quantity::from_atoms(atoms).unwrap();
        let mut sum = [if low[30] < 128 { 0 } else { 255 }; 32];
        sum[..31].copy_from_slice(&low);
        QuarterUsage { sum: Sum::from_le_bytes(sum), count, min: quantity(min), max: quantity(max) }
    });
    prop_oneof![filled, Just(QuarterUsage::default())]
}
