//! The bytes of a record into columns that are checked once.

use super::column::{Column, Sparse};
use super::dictionary::Dictionary;
use super::ids::Ids;
use super::pulses::{Keys, Month, Pulses, RowNames, Values};
use super::{Body, Envelope, FORMAT, RULES, RecordError, RefusedPulse, Unpacked};
use super::{control, quantities, times};
use crate::{checksum, header, log};
use domain::calendar::Period;
use domain::dimension::Group;
use domain::id::{SkuId, TenantId, UnitId};
use domain::port::Entry;
use domain::position::PULSES_PER_RECORD_MAX;
use domain::reject::{Reject, RejectReason};
use domain::time::Timestamp;
use prost::Message;

/// Reads a record of the log, or says why it cannot be counted here.
pub fn unpack(entry: &Entry) -> Result<Unpacked, RecordError> {
    header::check_format(entry)?;
    if !checksum::holds(&entry.value) {
        return Err(RecordError::Damaged);
    }
    let record = log::Record::decode(entry.value.clone()).map_err(|_| RecordError::Damaged)?;
    match (record.format, record.rules) {
        (FORMAT, RULES) => read(record).ok_or(RecordError::Damaged),
        (FORMAT, rules) => Err(RecordError::NewerRules(rules)),
        (format, _) => Err(RecordError::NewerFormat(format)),
    }
}

fn read(mut record: log::Record) -> Option<Unpacked> {
    let envelope = Envelope {
        generation: record.generation,
        incarnation: record.incarnation,
        arrival: Timestamp::from_nanos(record.arrival_nanos),
    };
    let body = match record.control.take() {
        Some(control) if record.accepted_count == 0 && record.refused.is_empty() => {
            Body::Control(control::from_wire(control)?)
        }
        Some(_) => return None,
        None => Body::Pulses(Box::new(read_pulses(record, envelope.arrival)?)),
    };
    Some(Unpacked { envelope, body })
}

fn read_pulses(mut record: log::Record, arrival: Timestamp) -> Option<Pulses> {
    let accepted = usize::try_from(record.accepted_count).ok()?;
    let all = accepted.checked_add(record.refused.len())?;
    if !(1..=PULSES_PER_RECORD_MAX).contains(&all) {
        return None;
    }
    let refused: Option<_> = std::mem::take(&mut record.refused).into_iter().map(read_refused).collect();
    Some(Pulses {
        keys: read_keys(&mut record, accepted)?,
        values: read_values(record, arrival, accepted)?,
        refused: refused?,
    })
}

fn read_refused(refused: log::RefusedPulse) -> Option<RefusedPulse> {
    Some(RefusedPulse {
        reason: RejectReason::from_number(refused.reason)?,
        tenant: refused.tenant,
        field: refused.field,
        message: refused.message,
        payload: refused.payload,
    })
}

fn read_keys(record: &mut log::Record, len: usize) -> Option<Keys> {
    use std::mem::take;
    let rows = read_rows(record.rows.take().unwrap_or_default())?;
    let months: Option<Vec<Month>> = take(&mut record.billing_months).into_iter().map(read_month).collect();
    Some(Keys {
        rows: Dictionary::read(rows, take(&mut record.row_indexes), len)?,
        sources: Dictionary::read(take(&mut record.sources), take(&mut record.source_indexes), len)?,
        dimensions: Dictionary::read(take(&mut record.dimensions), take(&mut record.dimension_indexes), len)?,
        resource_ids: Dictionary::read(
            take(&mut record.resource_ids),
            take(&mut record.resource_id_indexes),
            len,
        )?,
        months: Dictionary::read(months?, take(&mut record.billing_month_indexes), len)?,
    })
}

fn read_rows(rows: log::Rows) -> Option<Vec<RowNames>> {
    let len = usize::try_from(rows.count).ok().filter(|len| *len <= PULSES_PER_RECORD_MAX)?;
    let tenants = Dictionary::read(valid(&rows.tenants, TenantId::parse)?, rows.tenant_indexes, len)?;
    let skus = Dictionary::read(valid(&rows.skus, SkuId::parse)?, rows.sku_indexes, len)?;
    let units = Dictionary::read(valid(&rows.units, UnitId::parse)?, rows.unit_indexes, len)?;
    let groups: Vec<Group> = rows.groups.iter().map(|text| Group::from_canonical(text)).collect();
    let groups = Dictionary::read(groups, rows.group_indexes, len)?;
    let row = |index| RowNames {
        tenant: tenants.at(index).clone(),
        sku: skus.at(index).clone(),
        unit: units.at(index).clone(),
        group: groups.at(index).clone(),
    };
    Some((0..len).map(row).collect())
}

fn valid<T>(texts: &[String], parse: fn(&str) -> Result<T, Reject>) -> Option<Vec<T>> {
    texts.iter().map(|text| parse(text).ok()).collect()
}

fn read_month(month: log::BillingMonth) -> Option<Month> {
    Some(Month { period: Period::parse(&month.period)?, calendar: month.calendar.into() })
}

fn read_values(record: log::Record, arrival: Timestamp, len: usize) -> Option<Values> {
    let quantities = quantities::Written {
        scale: record.quantity_scale,
        narrow: record.quantities,
        wide: record.wide_quantities,
    };
    let times = times::Written {
        unit: record.time_unit_nanos,
        events: record.event_times,
        places: record.interval_indexes,
        intervals: record.intervals,
    };
    let corrections = Sparse::read(&record.correction_indexes, len, record.corrects_ids.is_none())?;
    Some(Values {
        ids: Ids::read(record.ids, len)?,
        quantities: quantities::read(quantities, len)?,
        spans: if len == 0 { Vec::new() } else { times::read(arrival, times, len)? },
        corrects_ids: Ids::read(record.corrects_ids, corrections.present())?,
        corrections,
        catalog_offsets: Column::read(record.catalog_offsets, len)?,
    })
}
