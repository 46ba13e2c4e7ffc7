//! Domain values into the bytes of a record.

use super::{Control, Envelope, FORMAT, RULES, RefusedPulse};
use super::{control, dictionary, ids, quantities, times};
use crate::{checksum, log};
use bytes::{Bytes, BytesMut};
use domain::pulse::StampedPulse;
use prost::Message;

/// The bytes of a record of pulses; the same content gives the same bytes. At most 256 pulses, accepted and refused.
pub fn pack(envelope: &Envelope, pulses: &[StampedPulse], refused: &[RefusedPulse]) -> Bytes {
    let mut record = enveloped(envelope);
    record.accepted_count = u32::try_from(pulses.len()).expect("a record holds at most 256 pulses");
    if !pulses.is_empty() {
        write_keys(&mut record, pulses);
        write_stamps(&mut record, pulses);
        write_ids(&mut record, pulses);
        write_amounts(&mut record, envelope, pulses);
    }
    record.refused = refused.iter().map(refused_to_wire).collect();
    seal(&record)
}

/// The bytes of a record of one statement.
pub fn pack_control(envelope: &Envelope, control: &Control) -> Bytes {
    let mut record = enveloped(envelope);
    record.control = Some(control::to_wire(control));
    seal(&record)
}

fn enveloped(envelope: &Envelope) -> log::Record {
    log::Record {
        format: FORMAT,
        rules: RULES,
        generation: envelope.generation,
        incarnation: envelope.incarnation,
        arrival_nanos: envelope.arrival.nanos(),
        ..log::Record::default()
    }
}

fn seal(record: &log::Record) -> Bytes {
    let mut bytes = BytesMut::with_capacity(record.encoded_len() + 8);
    record.encode(&mut bytes).expect("a growing buffer has room");
    checksum::seal(bytes)
}

type Row<'a> = (&'a str, &'a str, &'a str, &'a str);

fn write_keys(record: &mut log::Record, pulses: &[StampedPulse]) {
    let (rows, row_indexes) = dictionary::write(pulses.iter().map(row));
    let (tenants, tenant_indexes) = dictionary::write_texts(rows.iter().map(|row| row.0));
    let (skus, sku_indexes) = dictionary::write_texts(rows.iter().map(|row| row.1));
    let (units, unit_indexes) = dictionary::write_texts(rows.iter().map(|row| row.2));
    let (groups, group_indexes) = dictionary::write_texts(rows.iter().map(|row| row.3));
    let count = u32::try_from(rows.len()).expect("a record holds at most 256 rows");
    record.rows = Some(log::Rows {
        count,
        tenants,
        tenant_indexes,
        skus,
        sku_indexes,
        units,
        unit_indexes,
        groups,
        group_indexes,
    });
    record.row_indexes = row_indexes;
}

fn row(stamped: &StampedPulse) -> Row<'_> {
    let StampedPulse { pulse, stamps } = stamped;
    (pulse.tenant.as_str(), pulse.sku.as_str(), pulse.unit.as_str(), stamps.group.as_str())
}

fn write_stamps(record: &mut log::Record, pulses: &[StampedPulse]) {
    let texts = |of: fn(&StampedPulse) -> &str| dictionary::write_texts(pulses.iter().map(of));
    (record.sources, record.source_indexes) = texts(|stamped| stamped.pulse.source.as_str());
    (record.resource_ids, record.resource_id_indexes) = texts(|stamped| stamped.pulse.resource_id.as_str());
    let (dimensions, indexes) = dictionary::write(pulses.iter().map(|stamped| &stamped.pulse.dimensions));
    record.dimensions =
        dimensions.iter().map(|dimensions| dimensions.canonical().as_ref().to_owned()).collect();
    record.dimension_indexes = indexes;
    let months = pulses.iter().map(|StampedPulse { stamps, .. }| (stamps.calendar.as_ref(), stamps.period));
    let (months, indexes) = dictionary::write(months);
    let month = |(calendar, period): &(&str, domain::calendar::Period)| log::BillingMonth {
        calendar: (*calendar).to_owned(),
        period: period.to_string(),
    };
    record.billing_months = months.iter().map(month).collect();
    record.billing_month_indexes = indexes;
    let offsets = pulses.iter().map(|stamped| stamped.stamps.catalog_offset);
    record.catalog_offsets = super::column::collapse(offsets.collect());
}

fn write_ids(record: &mut log::Record, pulses: &[StampedPulse]) {
    record.ids = Some(ids::write(pulses.iter().map(|stamped| &stamped.pulse.id)));
    let corrections = pulses.iter().map(|stamped| stamped.pulse.corrects_id.as_ref());
    if corrections.clone().flatten().next().is_some() {
        record.correction_indexes = super::column::places(corrections.clone().map(|id| id.is_some())).into();
        record.corrects_ids = Some(ids::write(corrections.flatten()));
    }
}

fn write_amounts(record: &mut log::Record, envelope: &Envelope, pulses: &[StampedPulse]) {
    let quantities = quantities::write(pulses.iter().map(|stamped| stamped.pulse.quantity));
    record.quantity_scale = quantities.scale;
    record.quantities = quantities.narrow;
    record.wide_quantities = quantities.wide;
    let spans: Vec<times::Span> =
        pulses.iter().map(|StampedPulse { pulse, .. }| (pulse.event_time, pulse.interval_end_time)).collect();
    let times = times::write(envelope.arrival, &spans);
    record.time_unit_nanos = times.unit;
    record.event_times = times.events;
    record.interval_indexes = times.places;
    record.intervals = times.intervals;
}

fn refused_to_wire(refused: &RefusedPulse) -> log::RefusedPulse {
    log::RefusedPulse {
        tenant: refused.tenant.clone(),
        reason: refused.reason.number(),
        field: refused.field.clone(),
        message: refused.message.clone(),
        payload: refused.payload.clone(),
    }
}
