//! What is published for others to read: revisions of aggregates, triggers to rate again, dead letters.

use crate::header::{self, ID_HEADER, RecordError};
use crate::{blob, instant, log};
use bytes::Bytes;
use domain::aggregate::{QuarterUsage, Row, RowKey};
use domain::calendar::Period;
use domain::dead_letter::DeadLetter;
use domain::dimension::Group;
use domain::hash::{FIXED_KEY, FieldHasher};
use domain::id::{SkuId, TenantId, UnitId};
use domain::port::{Entry, Header, NewRecord};
use domain::position::Position;
use domain::quantity::{Quantity, Sum};
use domain::time::Timestamp;
use prost::Message;

const AGGREGATE: &str = "pulse.log.v1.Aggregate";
const RERATE: &str = "pulse.log.v1.Rerate";
const DEAD_LETTER: &str = "pulse.log.v1.DeadLetter";

/// A revision of an aggregate row; of two of one key the one with the larger position holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Which row.
    pub key: RowKey,
    /// All of its value.
    pub row: Row,
}

/// What the topic of revisions holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// A row has a new value.
    Revision(Box<Revision>),
    /// A tenant's month is to be rated again.
    Rerate {
        /// Whose.
        tenant: TenantId,
        /// Which month.
        period: Period,
        /// The catalogue offset that must have been seen.
        catalog_offset: u64,
    },
}

/// The record of a revision; publishing it again gives the same.
pub fn to_record(revision: &Revision) -> NewRecord {
    with_id(&revision_id(revision), header::message_record(AGGREGATE, encode(&revision_to_wire(revision))))
}

/// The record of a trigger.
pub fn rerate_record(tenant: &TenantId, period: Period, catalog_offset: u64) -> NewRecord {
    let rerate =
        log::Rerate { tenant: tenant.as_str().to_owned(), period: period.to_string(), catalog_offset };
    header::message_record(RERATE, encode(&rerate))
}

/// The record of a dead letter; publishing it again gives the same.
pub fn dead_letter_record(letter: &DeadLetter) -> NewRecord {
    let record = header::message_record(DEAD_LETTER, encode(&blob::dead_letter_to_wire(letter)));
    with_id(&letter.id.to_string(), record)
}

/// Reads a record of the topic of revisions.
pub fn from_entry(entry: &Entry) -> Result<Published, RecordError> {
    header::check_format(entry)?;
    let published = if header::is_message(entry, RERATE) {
        decode(entry).and_then(|rerate| rerate_from_wire(&rerate))
    } else {
        decode(entry).and_then(|aggregate| revision_from_wire(&aggregate))
    };
    published.ok_or(RecordError::Damaged)
}

fn encode(message: &impl Message) -> Bytes {
    message.encode_to_vec().into()
}

fn decode<M: Message + Default>(entry: &Entry) -> Option<M> {
    M::decode(entry.value.clone()).ok()
}

fn with_id(id: &str, mut record: NewRecord) -> NewRecord {
    record.headers.push(Header { name: ID_HEADER.to_owned(), value: Bytes::copy_from_slice(id.as_bytes()) });
    record
}

/// The hash of key and position.
fn revision_id(Revision { key, row }: &Revision) -> String {
    let posted = key.posted.map_or_else(String::new, |period| period.to_string());
    let texts = [key.tenant.as_str(), key.sku.as_str(), key.unit.as_str(), key.group.as_str(), &posted];
    let numbers = [key.hour, key.generation.into(), key.partition.into(), row.position.raw()];
    let hasher =
        texts.iter().fold(FieldHasher::new(&FIXED_KEY), |hasher, text| hasher.bytes(text.as_bytes()));
    let hasher = numbers.iter().fold(hasher, |hasher, number| hasher.number((*number).into()));
    format!("{:032x}", hasher.finish128())
}

fn revision_to_wire(Revision { key, row }: &Revision) -> log::Aggregate {
    log::Aggregate {
        tenant: key.tenant.to_string(),
        sku: key.sku.to_string(),
        unit: key.unit.to_string(),
        group: key.group.to_string(),
        start_time: Some(instant::to_wire(Timestamp::from_seconds(key.hour * 3_600))),
        posted: key.posted.map_or_else(String::new, |period| period.to_string()),
        generation: key.generation,
        partition: key.partition,
        position: row.position.raw(),
        quarters: row.quarters.iter().map(quarter_to_wire).collect(),
        ranges: row.ranges.iter().map(|(start, end)| log::OffsetRange { start: *start, end: *end }).collect(),
    }
}

fn revision_from_wire(aggregate: &log::Aggregate) -> Option<Published> {
    let posted = match aggregate.posted.as_str() {
        "" => None,
        text => Some(Period::parse(text)?),
    };
    let key = RowKey {
        tenant: TenantId::parse(&aggregate.tenant).ok()?,
        sku: SkuId::parse(&aggregate.sku).ok()?,
        unit: UnitId::parse(&aggregate.unit).ok()?,
        group: Group::from_canonical(&aggregate.group),
        hour: instant::from_wire(aggregate.start_time)?.hour(),
        posted,
        generation: aggregate.generation,
        partition: aggregate.partition,
    };
    let quarters: Option<Vec<QuarterUsage>> = aggregate.quarters.iter().map(quarter_from_wire).collect();
    let row = Row {
        position: Position::from_raw(aggregate.position),
        quarters: quarters?.try_into().ok()?,
        ranges: aggregate.ranges.iter().map(|range| (range.start, range.end)).collect(),
    };
    Some(Published::Revision(Box::new(Revision { key, row })))
}

fn quarter_to_wire(quarter: &QuarterUsage) -> log::Quarter {
    let extreme = |value: Quantity| if quarter.count == 0 { String::new() } else { value.to_string() };
    log::Quarter {
        quantity: quarter.sum.to_string(),
        count: quarter.count,
        min: extreme(quarter.min),
        max: extreme(quarter.max),
    }
}

fn quarter_from_wire(quarter: &log::Quarter) -> Option<QuarterUsage> {
    let extreme =
        |text: &str| if quarter.count == 0 { Some(Quantity::ZERO) } else { Quantity::parse(text).ok() };
    Some(QuarterUsage {
        sum: Sum::parse(&quarter.quantity)?,
        count: quarter.count,
        min: extreme(&quarter.min)?,
        max: extreme(&quarter.max)?,
    })
}

fn rerate_from_wire(rerate: &log::Rerate) -> Option<Published> {
    Some(Published::Rerate {
        tenant: TenantId::parse(&rerate.tenant).ok()?,
        period: Period::parse(&rerate.period)?,
        catalog_offset: rerate.catalog_offset,
    })
}
