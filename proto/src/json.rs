//! The JSON spelling of a pulse.

use crate::field::Field;
use domain::pulse::{RawPulse, RawTime};
use domain::reject::{Reject, RejectReason};
use domain::time::Timestamp;
use serde_json::{Map, Value, json};

pub mod member;
mod read;

pub use read::read;

/// The fields of a pulse from one JSON value, or the first thing that is wrong with it; see [`read()`].
pub fn from_json(value: &Value) -> Result<RawPulse, Reject> {
    let mut raw = RawPulse::default();
    match read(&mut raw, &value.to_string()) {
        Ok(None) => Ok(raw),
        Ok(Some(reject)) => Err(reject),
        Err(_) => Err(Reject::new(RejectReason::InvalidField, "pulse", "must be a JSON object")),
    }
}

/// The JSON object of these fields; absent ones are left out.
pub fn to_json(raw: &RawPulse) -> Value {
    let texts = [
        (Field::Id, &raw.id),
        (Field::Source, &raw.source),
        (Field::Tenant, &raw.tenant),
        (Field::Sku, &raw.sku),
        (Field::Quantity, &raw.quantity),
        (Field::Unit, &raw.unit),
        (Field::ResourceId, &raw.resource_id),
        (Field::CorrectsId, &raw.corrects_id),
    ];
    let times = [(Field::EventTime, raw.event_time), (Field::IntervalEndTime, raw.interval_end_time)];
    let present = texts.into_iter().filter(|(_, text)| !text.is_empty());
    let mut object: Map<String, Value> =
        present.map(|(field, text)| (field.name().to_owned(), text.as_str().into())).collect();
    let present =
        times.into_iter().filter_map(|(field, time)| Some((field.name().to_owned(), time_json(time?))));
    object.extend(present);
    if !raw.dimensions.is_empty() {
        let pairs = raw.dimensions.iter().map(|(key, value)| (key.clone(), value.as_str().into()));
        object.insert("dimensions".to_owned(), Value::Object(pairs.collect()));
    }
    Value::Object(object)
}

/// RFC 3339, or the two numbers of a timestamp that breaks protobuf's rule.
fn time_json(time: RawTime) -> Value {
    match Timestamp::from_unix(time.seconds, time.nanos) {
        Some(instant) => instant.to_string().into(),
        None => json!({ "seconds": time.seconds.to_string(), "nanos": time.nanos }),
    }
}
