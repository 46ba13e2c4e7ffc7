//! The bytes of a record are one function of its content: columns without waste, fields in order, nothing that could
//! stand otherwise and mean the same.

use crate::sample::{any_raw, at, entry, envelope, raw, refused, stamped};
use bytes::{Bytes, BytesMut};
use domain::pulse::{RawPulse, StampedPulse};
use proptest::prelude::*;
use prost::Message;
use prost::encoding::{DecodeContext, decode_key, skip_field};
use proto::checksum;
use proto::log;
use proto::record::{Body, Envelope, Pulses, RecordError, Unpacked, pack, to_log, unpack};
use std::collections::HashSet;
use std::ops::Range;

const CHECKSUM_BYTES: usize = 6;

fn read(value: Bytes) -> Result<Unpacked, RecordError> {
    unpack(&entry(to_log(value)))
}

fn pulses(value: Bytes) -> Pulses {
    match read(value).unwrap().body {
        Body::Pulses(pulses) => *pulses,
        Body::Control(control) => panic!("{control:?}"),
    }
}

fn stamped_again(value: Bytes) -> Vec<StampedPulse> {
    pulses(value).accepted().map(|view| view.to_stamped().unwrap()).collect()
}

/// The number and the place of every field of a message.
fn fields(message: &[u8]) -> Vec<(u32, Range<usize>)> {
    let (mut rest, mut found) = (message, Vec::new());
    while !rest.is_empty() {
        let start = message.len() - rest.len();
        let (number, wire_type) = decode_key(&mut rest).unwrap();
        skip_field(wire_type, number, &mut rest, DecodeContext::default()).unwrap();
        found.push((number, start..message.len() - rest.len()));
    }
    found
}

/// Pulses that differ in every column, the fifth and the tenth by what they lack.
fn various() -> Vec<StampedPulse> {
    let various = (0..10_u32).map(|number| RawPulse {
        id: format!("id-{number}"),
        source: format!("meter-{}", number % 3),
        sku: format!("sku-{}", number % 4),
        quantity: format!("{number}.25"),
        event_time: Some(at(&format!("2026-01-31T10:14:{:02}Z", 10 + number)).into()),
        interval_end_time: (number % 5 != 4).then(|| at("2026-01-31T10:15:00Z").into()),
        resource_id: if number % 5 == 4 { String::new() } else { format!("vm-{number}") },
        corrects_id: if number % 5 == 4 { String::new() } else { format!("id-{}", 100 + number) },
        ..raw()
    });
    various.map(|raw| stamped(&raw)).collect()
}

#[test]
fn fields_stand_in_the_order_of_their_numbers_and_the_checksum_last() {
    let packed = pack(&envelope(), &various(), &[refused()]);
    let numbers: Vec<u32> = fields(&packed).into_iter().map(|(number, _)| number).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    assert_eq!(numbers.iter().filter(|number| **number == 30).count(), 1);
    assert_eq!(numbers.last(), Some(&30));
}

#[test]
fn each_value_stands_once_in_its_dictionary_and_is_named() {
    let record = log::Record::decode(pack(&envelope(), &various(), &[])).unwrap();
    let rows = record.rows.unwrap();
    for (values, indexes) in [
        (&record.sources, &record.source_indexes),
        (&record.dimensions, &record.dimension_indexes),
        (&record.resource_ids, &record.resource_id_indexes),
        (&rows.tenants, &rows.tenant_indexes),
        (&rows.skus, &rows.sku_indexes),
        (&rows.units, &rows.unit_indexes),
        (&rows.groups, &rows.group_indexes),
    ] {
        let distinct: HashSet<&String> = values.iter().collect();
        assert_eq!(distinct.len(), values.len(), "{values:?}");
        let named: HashSet<u8> = indexes.iter().copied().collect();
        assert_eq!(named.len(), values.len(), "{values:?} and {indexes:?}");
        let firsts: Vec<u8> = indexes.iter().copied().fold(Vec::new(), |mut firsts, index| {
            if !firsts.contains(&index) {
                firsts.push(index);
            }
            firsts
        });
        assert!(firsts.is_sorted(), "they stand in the order of their first use: {indexes:?}");
    }
}

#[test]
fn what_all_pulses_share_takes_one_element() {
    let alike: Vec<StampedPulse> = (0..200)
        .map(|number| stamped(&RawPulse { id: format!("id-{number}"), corrects_id: String::new(), ..raw() }))
        .collect();
    let record = log::Record::decode(pack(&envelope(), &alike, &[])).unwrap();
    let rows = record.rows.unwrap();
    let columns = [
        record.row_indexes,
        record.source_indexes,
        record.dimension_indexes,
        record.resource_id_indexes,
        record.billing_month_indexes,
        rows.tenant_indexes,
        rows.group_indexes,
    ];
    assert!(columns.iter().all(|column| column.len() == 1), "{columns:?}");
    assert_eq!((record.catalog_offsets.len(), record.quantities.len(), record.intervals.len()), (1, 1, 1));
    assert!(record.corrects_ids.is_none() && record.correction_indexes.is_empty());
    assert!(record.interval_indexes.is_empty(), "all have an interval");
}

#[test]
fn a_record_that_lost_a_field_is_damaged_or_says_something_else() {
    let sent = various();
    let packed = pack(&envelope(), &sent, &[refused()]);
    let body = &packed[..packed.len() - CHECKSUM_BYTES];
    let mut damaged = 0;
    for (number, place) in fields(body) {
        let mut shorter = BytesMut::from(&body[..place.start]);
        shorter.extend_from_slice(&body[place.end..]);
        match read(checksum::seal(shorter)) {
            Err(_) => damaged += 1,
            Ok(Unpacked { envelope: read, body: Body::Pulses(pulses) }) => {
                let back: Vec<_> = pulses.accepted().map(|view| view.to_stamped()).collect();
                let same =
                    read == envelope() && back.iter().flatten().eq(&sent) && pulses.refused() == [refused()];
                assert!(!same, "field {number} says nothing");
            }
            Ok(other) => panic!("without field {number}: {other:?}"),
        }
    }
    assert!(damaged >= 12, "only {damaged} fields were missed");
}

#[test]
fn a_column_that_is_too_long_or_too_short_is_damaged() {
    type Change = fn(&mut log::Record);
    let shorter = |bytes: &mut Bytes| *bytes = bytes.slice(..bytes.len() - 1);
    let longer = |bytes: &mut Bytes| *bytes = [&bytes[..], &[0]].concat().into();
    let texts: [fn(&mut log::Record) -> &mut Bytes; 4] = [
        |record| &mut record.row_indexes,
        |record| &mut record.source_indexes,
        |record| &mut record.resource_id_indexes,
        |record| &mut record.rows.as_mut().unwrap().sku_indexes,
    ];
    let numbers: [Change; 6] = [
        |record| record.quantities.truncate(9),
        |record| record.quantities.push(1),
        |record| record.event_times.truncate(9),
        |record| record.event_times.push(0),
        |record| record.intervals.push(0),
        |record| record.catalog_offsets.extend([1, 2]),
    ];
    let packed = pack(&envelope(), &various(), &[]);
    let changed = |change: &dyn Fn(&mut log::Record)| {
        let mut record = log::Record::decode(packed.clone()).unwrap();
        record.crc = None;
        change(&mut record);
        read(checksum::seal(record.encode_to_vec().as_slice().into())).map(drop)
    };
    assert_eq!(changed(&|_| ()), Ok(()));
    for column in texts {
        assert_eq!(changed(&|record| shorter(column(record))), Err(RecordError::Damaged));
        assert_eq!(changed(&|record| longer(column(record))), Err(RecordError::Damaged));
    }
    for (index, change) in numbers.iter().enumerate() {
        assert_eq!(changed(change), Err(RecordError::Damaged), "change {index}");
    }
}

#[test]
fn two_hundred_and_fifty_six_pulses_that_share_nothing_fit() {
    let apart: Vec<StampedPulse> = (0..256)
        .map(|number| {
            let name = |what: &str| format!("{what}-{number}");
            let region = vec![("region".to_owned(), name("eu"))];
            let texts =
                RawPulse { tenant: name("t"), sku: name("s"), source: name("m"), unit: name("u"), ..raw() };
            stamped(&RawPulse { id: name("i"), resource_id: name("r"), dimensions: region, ..texts })
        })
        .collect();
    assert_eq!(stamped_again(pack(&envelope(), &apart, &[])), apart);
}

proptest! {
    #[test]
    fn equal_content_has_equal_bytes(raws in prop::collection::vec(any_raw(), 1..12)) {
        let sent: Vec<StampedPulse> = raws.iter().map(stamped).collect();
        let packed = pack(&envelope(), &sent, &[]);
        prop_assert_eq!(&pack(&envelope(), &stamped_again(packed.clone()), &[]), &packed);
    }

    #[test]
    fn where_a_batch_is_cut_changes_no_pulse(raws in prop::collection::vec(any_raw(), 2..12), cut in 1..11_usize) {
        let sent: Vec<StampedPulse> = raws.iter().map(stamped).collect();
        let (head, tail) = sent.split_at(cut.min(sent.len() - 1));
        let parts = [head, tail].map(|part| stamped_again(pack(&envelope(), part, &[])));
        prop_assert_eq!(parts.concat(), sent);
    }

    #[test]
    fn every_envelope_comes_back(generation: u32, incarnation: u32, nanos: i64) {
        let arrival = domain::time::Timestamp::from_nanos(nanos);
        let sent = Envelope { generation, incarnation, arrival };
        prop_assert_eq!(read(pack(&sent, &[], &[refused()])).unwrap().envelope, sent);
    }
}
