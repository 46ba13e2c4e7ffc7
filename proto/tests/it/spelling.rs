//! The spellings of a pulse: gRPC, JSON, CSV and the first service.

use crate::sample::{UUID, any_raw, at, bare_raw, envelope, raw, stamped};
use domain::pulse::{PULSE_BYTES_MAX, RawPulse, RawTime};
use domain::reject::{Reject, RejectReason};
use proptest::prelude::*;
use proto::csv::Columns;
use proto::json::{from_json, to_json};
use proto::pulse::{check_size, from_usage, from_wire, to_wire};
use proto::record::pack;
use proto::{usage, v1};
use serde_json::{Value, json};

fn read_json(text: &str) -> Result<RawPulse, Reject> {
    from_json(&serde_json::from_str(text).unwrap())
}

fn read_csv(text: &str) -> Result<RawPulse, Reject> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = Columns::parse(reader.headers().unwrap())?;
    columns.read(&reader.records().next().unwrap().unwrap())
}

const JSON: &str = r#"{
    "id": "018F4E2A-0000-7000-8000-00000000ABCD", "source": "meter-1", "tenant": "acme", "sku": "llm.input",
    "quantity": 1.50, "unit": "token",
    "event_time": "2026-01-31T11:14:58+01:00", "interval_end_time": "2026-01-31T10:14:59Z",
    "dimensions": {"region": "eu", "model": "a/b"}, "resource_id": "vm-1", "corrects_id": "a-0"
}"#;
const CSV: &str = "\
dim.region,id,source,tenant_id,product_sku,used_amount,use_unity,event_time,interval_end_time,dim.model,dim.none,resource_id,corrects_id
eu,018f4e2a-0000-7000-8000-00000000abcd,meter-1,acme,llm.input,001.500,Tokens,2026-01-31 10:14:58Z,2026-01-31T10:14:59Z,a/b,,vm-1,a-0
";

#[test]
fn all_spellings_of_one_pulse_are_stored_as_the_same_bytes() {
    let stored = |raw: &RawPulse| pack(&envelope(), &[stamped(raw)], &[]);
    let json = read_json(JSON).unwrap();
    let grpc = from_wire(to_wire(&RawPulse { quantity: "1.500000".into(), ..raw() }));
    assert_eq!(stored(&grpc), stored(&raw()));
    assert_eq!(stored(&json), stored(&raw()));
    assert_eq!(stored(&read_csv(CSV).unwrap()), stored(&raw()));
}

#[test]
fn json_numbers_are_read_by_their_digits() {
    let quantity = |text: &str| read_json(&format!(r#"{{"quantity": {text}}}"#)).unwrap().quantity;
    assert_eq!(quantity("0.1"), "0.1");
    assert_eq!(quantity("123456789012345678.123456789012"), "123456789012345678.123456789012");
    assert_eq!(quantity("9007199254740993"), "9007199254740993");
    assert_eq!(quantity("-1.50"), "-1.50");
    assert_eq!(quantity("\"-1.50\""), "-1.50");
    let exponent = RawPulse { quantity: quantity("1e3"), ..raw() };
    assert_eq!(exponent.parse().unwrap_err().into_first().reason, RejectReason::InvalidQuantity);
}

#[test]
fn names_of_the_first_service_are_known() {
    let raw = |text: Value| from_json(&text).unwrap();
    for (sku, amount, unit) in [
        ("product_sku", "used_amount", "use_unity"),
        ("sku", "used_ammount", "use_unit"),
        ("sku", "quantity", "usage_unit"),
    ] {
        let read = raw(json!({ sku: "disk", amount: 5, unit: "GB x seg", "tenant_id": "acme" }));
        assert_eq!(
            (read.sku.as_str(), read.quantity.as_str(), read.unit.as_str(), read.tenant.as_str()),
            ("disk", "5", "GB.s", "acme")
        );
    }
    assert_eq!(raw(json!({ "unit": "gb" })).unit, "gb", "the field's own name takes registry names only");
    assert_eq!(raw(json!({ "sku": null })), RawPulse::default());
}

#[test]
fn what_json_gets_wrong_is_refused_for_the_fields_own_reason() {
    let cases = [
        (json!([]), "pulse", RejectReason::InvalidField),
        (json!({ "colour": "red" }), "colour", RejectReason::InvalidField),
        (json!({ "id": 5 }), "id", RejectReason::InvalidId),
        (json!({ "quantity": true }), "quantity", RejectReason::InvalidQuantity),
        (json!({ "used_amount": [] }), "quantity", RejectReason::InvalidQuantity),
        (json!({ "event_time": 1_700_000_000 }), "event_time", RejectReason::InvalidTime),
        (json!({ "interval_end_time": "yesterday" }), "interval_end_time", RejectReason::InvalidTime),
        (json!({ "tenant": {} }), "tenant", RejectReason::InvalidField),
        (json!({ "sku": "a", "product_sku": "b" }), "sku", RejectReason::InvalidField),
        (json!({ "dimensions": "eu" }), "dimensions", RejectReason::DimensionLimit),
        (json!({ "dimensions": { "region": 1 } }), "dimensions.region", RejectReason::DimensionLimit),
    ];
    for (value, field, reason) in cases {
        let reject = from_json(&value).unwrap_err();
        assert_eq!((reject.field.as_str(), reject.reason), (field, reason), "{value}");
        assert!(reject.message.starts_with(field), "{}", reject.message);
    }
}

#[test]
fn json_shows_a_time_that_is_none_by_its_numbers() {
    let broken = RawPulse { event_time: Some(RawTime { seconds: 1, nanos: -1 }), ..RawPulse::default() };
    assert_eq!(to_json(&broken), json!({ "event_time": { "seconds": "1", "nanos": -1 } }));
    assert_eq!(from_json(&to_json(&broken)).unwrap_err().reason, RejectReason::InvalidTime);
}

#[test]
fn csv_names_the_column_or_row_that_is_wrong() {
    let reject = |names: &[&str], cells: &[&str]| {
        let read =
            Columns::parse(names.iter().copied()).and_then(|columns| columns.read(cells.iter().copied()));
        let reject = read.unwrap_err();
        (reject.field, reject.reason)
    };
    assert_eq!(reject(&["id", "colour"], &[]), ("colour".into(), RejectReason::InvalidField));
    assert_eq!(reject(&["id", "id"], &[]), ("id".into(), RejectReason::InvalidField));
    assert_eq!(
        reject(&["sku", "product_sku"], &["a", "b"]),
        ("product_sku".into(), RejectReason::InvalidField)
    );
    assert_eq!(reject(&["unit", "use_unity"], &["GB", "gb"]), ("unit".into(), RejectReason::InvalidField));
    assert_eq!(reject(&["id", "sku"], &["a"]), ("row".into(), RejectReason::InvalidField));
    assert_eq!(reject(&["id"], &["a", "b"]), ("row".into(), RejectReason::InvalidField));
    assert_eq!(reject(&["event_time"], &["now"]), ("event_time".into(), RejectReason::InvalidTime));
}

#[test]
fn the_first_services_report_is_a_pulse_without_id_and_time() {
    let request = usage::UsageInfoRequest {
        tenant: "acme".into(),
        product_sku: "disk".into(),
        used_amount: -5,
        use_unity: "kb".into(),
    };
    let expected = RawPulse {
        tenant: "acme".into(),
        sku: "disk".into(),
        quantity: "-5".into(),
        unit: "kB".into(),
        ..RawPulse::default()
    };
    assert_eq!(from_usage(request), expected);
}

#[test]
fn a_pulse_over_its_bound_is_too_large() {
    let of = |len| v1::Pulse { resource_id: "x".repeat(len), ..v1::Pulse::default() };
    // The field costs one byte of key and two of length.
    assert_eq!(check_size(&of(PULSE_BYTES_MAX - 3)), Ok(()));
    assert_eq!(check_size(&of(PULSE_BYTES_MAX - 2)).unwrap_err().reason, RejectReason::TooLarge);
}

#[test]
fn reasons_have_the_numbers_and_names_of_the_contract() {
    for reason in RejectReason::ALL {
        let wire = v1::RejectReason::from(*reason);
        assert_eq!(i32::from(wire), reason.number());
        assert_eq!(wire.as_str_name(), format!("REJECT_REASON_{}", reason.name()));
    }
    assert!(v1::RejectReason::try_from(17).is_err());
}

#[test]
fn a_bare_pulse_spells_only_what_it_has() {
    let expected = json!({
        "id": UUID, "tenant": "acme", "sku": "llm.input", "quantity": "1.5", "unit": "token",
        "event_time": at("2026-01-31T10:14:58Z").to_string(),
    });
    assert_eq!(to_json(&bare_raw()), expected);
}

proptest! {
    #[test]
    fn every_pulse_survives_json_and_protobuf(raw in any_raw()) {
        prop_assert_eq!(from_wire(to_wire(&raw)), raw.clone());
        let text = to_json(&raw).to_string();
        prop_assert_eq!(from_json(&serde_json::from_str(&text).unwrap()), Ok(raw));
    }

    #[test]
    fn every_pulse_survives_csv(raw in any_raw()) {
        let object = to_json(&raw);
        let fields = object.as_object().unwrap().iter().filter(|(name, _)| *name != "dimensions");
        let mut cells: Vec<(String, String)> =
            fields.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
        cells.extend(raw.dimensions.iter().map(|(key, value)| (format!("dim.{key}"), value.clone())));
        let columns = Columns::parse(cells.iter().map(|(name, _)| name.as_str())).unwrap();
        let read = columns.read(cells.iter().map(|(_, cell)| cell.as_str())).unwrap();
        // An empty cell is absent, so an empty dimension cannot be sent.
        let dimensions = raw.dimensions.iter().filter(|(_, value)| !value.is_empty()).cloned().collect();
        prop_assert_eq!(read, RawPulse { dimensions, ..raw });
    }

    #[test]
    fn no_row_panics(names in prop::collection::vec("(id|sku|event_time|dim\\.[a-z]|.{0,5})", 0..4), cells in prop::collection::vec(".{0,9}", 0..4)) {
        if let Ok(columns) = Columns::parse(names.iter().map(String::as_str)) {
            let _ = columns.read(cells.iter().map(String::as_str));
        }
    }
}
