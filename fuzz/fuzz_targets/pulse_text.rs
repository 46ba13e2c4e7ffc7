//! The text fields of a pulse: what is valid has one normal form, which is valid and the same pulse.
#![no_main]

use domain::pulse::{RawPulse, RawTime};
use domain::quantity::Quantity;
use libfuzzer_sys::fuzz_target;
use prost::Message;
use std::collections::BTreeMap;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    if let Ok(quantity) = Quantity::parse(&text) {
        assert_eq!(Quantity::parse(&quantity.to_string()), Ok(quantity));
    }
    let mut fields = text.split('|').map(str::to_owned);
    let mut field = || fields.next().unwrap_or_default();
    let raw = RawPulse {
        quantity: field(),
        unit: field(),
        sku: field(),
        tenant: field(),
        id: field(),
        source: field(),
        dimensions: dimensions(&field()),
        resource_id: field(),
        corrects_id: field(),
        event_time: time(&field()),
        interval_end_time: time(&field()),
    };
    let wire = proto::pulse::to_wire(&raw);
    let wire = proto::v1::Pulse::decode(wire.encode_to_vec().as_slice()).expect("it was just written");
    let back = proto::pulse::from_wire(wire);
    assert_eq!(back.parse().is_ok(), raw.parse().is_ok());
    if let (Ok(pulse), Ok(again)) = (raw.parse(), back.parse()) {
        assert_eq!(pulse, again);
        assert_eq!(pulse.content_hash(&[1; 16]), again.content_hash(&[1; 16]));
    }
});

/// Each key once: protobuf's map, which the pulse passes through, keeps one of several.
fn dimensions(text: &str) -> Vec<(String, String)> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    let distinct: BTreeMap<_, _> = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    distinct.into_iter().collect()
}

fn time(text: &str) -> Option<RawTime> {
    let (seconds, nanos) = text.split_once('.')?;
    Some(RawTime { seconds: seconds.parse().ok()?, nanos: nanos.parse().ok()? })
}
