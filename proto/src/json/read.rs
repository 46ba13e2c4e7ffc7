//! Reading a JSON object as the fields of a pulse, without a tree of it.

use super::member::{Scalar, Text, members};
use crate::field::{Field, unknown};
use domain::dimension::DIMENSIONS_MAX;
use domain::pulse::RawPulse;
use domain::reject::{Reject, RejectReason};
use serde_json::Error;

/// Fills the fields of a pulse in from the JSON object that a text is; `null` is absent, and a number is read by its
/// digits. Returns the first thing that is wrong with a field, which is then left as it was; an error means that the
/// text is no JSON object.
pub fn read(raw: &mut RawPulse, text: &str) -> Result<Option<Reject>, Error> {
    let mut fault = None;
    members(text, |name, value| {
        if let Err(reject) = fill(raw, name, value) {
            fault.get_or_insert(reject);
        }
    })?;
    Ok(fault)
}

fn fill(raw: &mut RawPulse, name: &str, value: Text<'_>) -> Result<(), Reject> {
    if value.scalar() == Scalar::Absent {
        return Ok(());
    }
    if name == "dimensions" {
        return fill_dimensions(raw, value);
    }
    let field = Field::find(name).ok_or_else(|| unknown(name))?;
    match (field, value.scalar()) {
        (_, Scalar::Text(text)) => field.fill(raw, &text),
        (Field::Quantity, Scalar::Number(digits)) => field.fill(raw, digits),
        (Field::Quantity, _) => Err(field.reject("must be a string or a number")),
        _ => Err(field.reject("must be a string")),
    }
}

/// Takes dimensions up to one over the bound, which is enough to be refused for it.
fn fill_dimensions(raw: &mut RawPulse, value: Text<'_>) -> Result<(), Reject> {
    let reject = |field: String, rule| Reject::new(RejectReason::DimensionLimit, field, rule);
    if !raw.dimensions.is_empty() {
        return Err(reject("dimensions".to_owned(), "is given twice"));
    }
    let mut fault = None;
    let put = |name: &str, value: Text<'_>| match value.scalar() {
        _ if raw.dimensions.len() > DIMENSIONS_MAX => {}
        Scalar::Text(_) if raw.dimensions.iter().any(|(key, _)| key == name) => {
            fault.get_or_insert_with(|| reject(dimension(name), "is given twice"));
        }
        Scalar::Text(text) => raw.dimensions.push((name.to_owned(), text.into_owned())),
        _ => {
            fault.get_or_insert_with(|| reject(dimension(name), "must be a string"));
        }
    };
    match members(value.as_str(), put) {
        Ok(()) => fault.map_or(Ok(()), Err),
        Err(_) => Err(reject("dimensions".to_owned(), "must be a JSON object")),
    }
}

fn dimension(name: &str) -> String {
    format!("dimensions.{}", name.chars().take(64).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (RawPulse, Option<String>) {
        let mut raw = RawPulse::default();
        let fault = read(&mut raw, text).unwrap();
        (raw, fault.map(|reject| reject.message))
    }

    #[test]
    fn a_fault_leaves_the_other_fields() {
        let (raw, fault) =
            of(r#"{"id": "a-1", "tenant": 5, "colour": "red", "quantity": 1.50, "unit": null}"#);
        assert_eq!(fault.as_deref(), Some("tenant must be a string"));
        let expected = RawPulse { id: "a-1".into(), quantity: "1.50".into(), ..RawPulse::default() };
        assert_eq!(raw, expected);
    }

    #[test]
    fn a_field_given_twice_is_refused_whatever_it_says() {
        for (text, field) in [
            (r#"{"sku": "a", "sku": "b"}"#, "sku"),
            (r#"{"sku": "a", "product_sku": "a"}"#, "sku"),
            (r#"{"dimensions": {"r": "1"}, "dimensions": {"s": "1"}}"#, "dimensions"),
            (r#"{"dimensions": {"r": "1", "r": "2"}}"#, "dimensions.r"),
        ] {
            let fault = of(text).1.unwrap();
            assert!(fault.starts_with(&format!("{field} is given twice")), "{text}: {fault}");
        }
    }

    #[test]
    fn what_another_spelling_gave_is_not_overwritten() {
        let mut raw = RawPulse { id: "a-1".into(), ..RawPulse::default() };
        let fault = read(&mut raw, r#"{"id": "b-1", "sku": "x"}"#).unwrap().unwrap();
        assert_eq!((fault.field.as_str(), raw.id.as_str(), raw.sku.as_str()), ("id", "a-1", "x"));
    }

    #[test]
    fn a_multitude_of_members_is_refused_and_not_kept() {
        let many =
            |count: usize| (0..count).map(|key| format!(r#""k{key}":"v""#)).collect::<Vec<_>>().join(",");
        let (raw, fault) = of(&format!(r#"{{"dimensions": {{{}}}}}"#, many(100_000)));
        assert_eq!((raw.dimensions.len(), fault), (DIMENSIONS_MAX + 1, None));
        assert_eq!(raw.parse().unwrap_err().all().last().unwrap().field, "dimensions");
        let (raw, fault) = of(&format!("{{{}}}", many(100_000)));
        assert_eq!((raw, fault.as_deref()), (RawPulse::default(), Some("k0 is no field of a pulse")));
    }

    #[test]
    fn text_that_is_no_text_is_refused() {
        assert_eq!(of(r#"{"sku": "\ud800"}"#).1.as_deref(), Some("sku must be a string"));
        assert_eq!(
            of(r#"{"dimensions": {"r": "\ud800"}}"#).1.as_deref(),
            Some("dimensions.r must be a string")
        );
        let long = format!(r#"{{"dimensions": {{"{}": 1}}}}"#, "é".repeat(5_000));
        assert!(of(&long).1.unwrap().len() < 200);
    }

    #[test]
    fn what_is_no_object_is_an_error() {
        for text in ["", "[]", "5", "{", r#"{"id": "a"} x"#, r#"{"id": "a" "sku": "b"}"#] {
            assert!(read(&mut RawPulse::default(), text).is_err(), "{text}");
        }
    }
}
