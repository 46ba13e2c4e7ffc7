//! The JSON spelling of a pulse.

use crate::field::{Field, unknown};
use domain::pulse::{RawPulse, RawTime};
use domain::reject::{Reject, RejectReason};
use domain::time::Timestamp;
use serde_json::{Map, Value, json};

/// The fields of a pulse from one JSON object; `null` is absent, and a number is read by its digits.
pub fn from_json(value: &Value) -> Result<RawPulse, Reject> {
    let object = value.as_object();
    let object =
        object.ok_or_else(|| Reject::new(RejectReason::InvalidField, "pulse", "must be a JSON object"))?;
    let mut raw = RawPulse::default();
    for (name, value) in object.iter().filter(|(_, value)| !value.is_null()) {
        match (name.as_str(), Field::find(name)) {
            ("dimensions", _) => raw.dimensions = dimensions(value)?,
            (_, Some(field)) => field.fill(&mut raw, text(field, value)?)?,
            (name, None) => return Err(unknown(name)),
        }
    }
    Ok(raw)
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

fn text(field: Field, value: &Value) -> Result<&str, Reject> {
    match (field, value) {
        (_, Value::String(text)) => Ok(text),
        (Field::Quantity, Value::Number(number)) => Ok(number.as_str()),
        (Field::Quantity, _) => Err(field.reject("must be a string or a number")),
        _ => Err(field.reject("must be a string")),
    }
}

fn dimensions(value: &Value) -> Result<Vec<(String, String)>, Reject> {
    let reject = |field: String, rule| Reject::new(RejectReason::DimensionLimit, field, rule);
    let object = value.as_object().ok_or_else(|| reject("dimensions".to_owned(), "must be a JSON object"))?;
    let pair = |(key, value): (&String, &Value)| match value {
        Value::String(text) => Ok((key.clone(), text.clone())),
        _ => Err(reject(format!("dimensions.{key}"), "must be a string")),
    };
    object.iter().map(pair).collect()
}

/// RFC 3339, or the two numbers of a timestamp that breaks protobuf's rule.
fn time_json(time: RawTime) -> Value {
    match Timestamp::from_unix(time.seconds, time.nanos) {
        Some(instant) => instant.to_string().into(),
        None => json!({ "seconds": time.seconds.to_string(), "nanos": time.nanos }),
    }
}
