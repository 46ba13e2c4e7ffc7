//! What others read. The golden bytes were computed apart, by a protobuf writer of thirty lines of Python.

use crate::sample::{any_row, dead_letter, entry, period, row};
use domain::aggregate::RowKey;
use domain::dimension::Group;
use domain::id::{SkuId, TenantId, UnitId};
use domain::port::NewRecord;
use domain::position::Position;
use proptest::prelude::*;
use prost::Message;
use proto::header::{CONTENT_TYPE_HEADER, FORMAT_HEADER, ID_HEADER, RecordError};
use proto::log;
use proto::published::{Published, Revision, dead_letter_record, from_entry, rerate_record, to_record};

fn key() -> RowKey {
    RowKey {
        tenant: TenantId::parse("acme").unwrap(),
        sku: SkuId::parse("llm.input").unwrap(),
        unit: UnitId::parse("token").unwrap(),
        group: Group::from_canonical("region=eu"),
        hour: 490_000,
        posted: Some(period("2026-02")),
        generation: 1,
        partition: 3,
    }
}

fn revision() -> Revision {
    Revision { key: key(), row: row() }
}

fn header(record: &NewRecord, name: &str) -> String {
    let header = record.headers.iter().find(|header| header.name == name).unwrap();
    String::from_utf8(header.value.to_vec()).unwrap()
}

/// 2a 06: the hour's start; 48 8106: position 769; 52: a quarter, the second "1" of 2 from "-0.5" to "1.5".
#[test]
fn golden_aggregate() {
    let record = to_record(&revision());
    let key = "0a0461636d6512096c6c6d2e696e7075741a05746f6b656e2209726567696f6e3d6575";
    let place = "2a0608808292c9063207323032362d303238014003488106";
    let quarters = "52030a013052100a013110021a042d302e352203312e3552030a013052030a0130";
    assert_eq!(format!("{:x}", record.value), format!("{key}{place}{quarters}5a04080110025a0408031004"));
    assert_eq!(header(&record, CONTENT_TYPE_HEADER), "application/protobuf; proto=pulse.log.v1.Aggregate");
    assert_eq!(header(&record, FORMAT_HEADER), "1");
    assert_eq!(from_entry(&entry(record)), Ok(Published::Revision(Box::new(revision()))));
}

#[test]
fn golden_rerate() {
    let tenant = TenantId::parse("acme").unwrap();
    let record = rerate_record(&tenant, period("2026-01"), 42);
    assert_eq!(format!("{:x}", record.value), "0a0461636d651207323032362d3031182a");
    let expected = Published::Rerate { tenant, period: period("2026-01"), catalog_offset: 42 };
    assert_eq!(from_entry(&entry(record)), Ok(expected));
}

#[test]
fn a_repeat_has_the_same_id_and_another_revision_has_not() {
    let id = |revision: &Revision| header(&to_record(revision), ID_HEADER);
    assert_eq!(id(&revision()), id(&revision()));
    assert_eq!(id(&revision()).len(), 32);
    let mut later = revision();
    later.row.position = Position::new(9, 0);
    let mut elsewhere = revision();
    elsewhere.key.posted = None;
    assert_ne!(id(&revision()), id(&later));
    assert_ne!(id(&revision()), id(&elsewhere));
}

#[test]
fn a_dead_letter_is_published_under_its_id() {
    let record = dead_letter_record(&dead_letter());
    assert_eq!(header(&record, ID_HEADER), "20260131-1-3-12801");
    let message = log::DeadLetter::decode(record.value).unwrap();
    assert_eq!(
        (message.id.as_str(), message.reason, &message.payload[..]),
        ("20260131-1-3-12801", 3, &b"pulse"[..])
    );
}

#[test]
fn what_is_foreign_or_damaged_is_told_apart() {
    let foreign = entry(NewRecord { headers: Vec::new(), ..to_record(&revision()) });
    assert_eq!(from_entry(&foreign), Err(RecordError::Foreign));
    let cut = |record: NewRecord| {
        entry(NewRecord { value: record.value.slice(..record.value.len() - 1), ..record })
    };
    assert_eq!(from_entry(&cut(to_record(&revision()))), Err(RecordError::Damaged));
    let tenant = TenantId::parse("acme").unwrap();
    assert_eq!(from_entry(&cut(rerate_record(&tenant, period("2026-01"), 42))), Err(RecordError::Damaged));
    let nameless = NewRecord {
        value: log::Rerate::default().encode_to_vec().into(),
        ..rerate_record(&tenant, period("2026-01"), 42)
    };
    assert_eq!(from_entry(&entry(nameless)), Err(RecordError::Damaged));
}

proptest! {
    #[test]
    fn every_revision_comes_back(row in any_row(), hour in -80_000_i64..2_000_000, posted in any::<bool>()) {
        let key = RowKey { hour, posted: posted.then(|| period("2026-02")), ..key() };
        let revision = Revision { key, row };
        let read = from_entry(&entry(to_record(&revision)));
        prop_assert_eq!(read, Ok(Published::Revision(Box::new(revision))));
    }

    #[test]
    fn no_value_panics(value in prop::collection::vec(any::<u8>(), 0..100)) {
        let record = |like: NewRecord| entry(NewRecord { value: value.clone().into(), ..like });
        let rerate = rerate_record(&TenantId::parse("acme").unwrap(), period("2026-01"), 42);
        let _ = (from_entry(&record(to_record(&revision()))), from_entry(&record(rerate)));
    }
}
