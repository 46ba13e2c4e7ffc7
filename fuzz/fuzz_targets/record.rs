//! Packed records: what was packed comes back, and a record that was tampered with under a right checksum is read
//! whole or named damaged.
#![no_main]

use bytes::BytesMut;
use domain::port::Entry;
use domain::time::Timestamp;
use fuzz::Bytes;
use libfuzzer_sys::fuzz_target;
use proto::checksum;
use proto::record::{Body, Envelope, pack, to_log, unpack};

const CHECKSUM_BYTES: usize = 6;

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes(data);
    let edits = bytes.byte() % 8;
    let edits: Vec<(u64, u8)> = (0..edits).map(|_| (bytes.number(), bytes.byte())).collect();
    let count = 1 + usize::from(bytes.byte()) % 20;
    let pulses: Vec<_> = (0..count).map(|_| bytes.pulse()).collect();
    let arrival = Timestamp::from_seconds(1_773_153_432);
    let packed = pack(&Envelope { generation: 1, incarnation: 1, arrival }, &pulses, &[]);

    let read = unpack(&entry(packed.clone())).expect("it was just packed");
    let Body::Pulses(columns) = read.body else { panic!("it holds pulses") };
    let back: Vec<_> = columns.accepted().map(|view| view.to_stamped().expect("it is valid")).collect();
    assert_eq!(back, pulses);

    let mut tampered = BytesMut::from(&packed[..packed.len() - CHECKSUM_BYTES]);
    for (place, value) in edits {
        let place = place as usize % tampered.len();
        tampered[place] = value;
    }
    read_all(checksum::seal(tampered));
    read_all(checksum::seal(BytesMut::from(data)));
});

fn entry(value: bytes::Bytes) -> Entry {
    let record = to_log(value);
    Entry { offset: 0, timestamp: Timestamp::EPOCH, headers: record.headers, value: record.value }
}

/// Reads a record as a consumer does, and each of its pulses in every way.
fn read_all(value: bytes::Bytes) {
    let Ok(record) = unpack(&entry(value)) else { return };
    let Body::Pulses(pulses) = record.body else { return };
    assert!((1..=256).contains(&pulses.len()));
    for view in pulses.accepted() {
        view.identity().hash(&[1; 16]);
        view.content().hash(&[1; 16]);
        let _ = (view.to_stamped(), view.payload());
    }
}
