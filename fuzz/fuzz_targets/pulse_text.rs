//! The text fields of a pulse: what is valid has one normal form, which is valid and the same pulse.
#![no_main]

use domain::pulse::{RawPulse, RawTime};
use domain::quantity::Quantity;
use libfuzzer_sys::fuzz_target;
use prost::Message;

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
        dimensions: field().split(',').filter_map(|pair| pair.split_once('=')).map(owned).collect(),
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

fn owned((key, value): (&str, &str)) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

fn time(text: &str) -> Option<RawTime> {
    let (seconds, nanos) = text.split_once('.')?;
    Some(RawTime { seconds: seconds.parse().ok()?, nanos: nanos.parse().ok()? })
}
