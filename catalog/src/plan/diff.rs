//! What is different between two plans, field by field.

use super::Plan;
use domain::id::PriceId;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What is different between two plans.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PlanDiff {
    /// Of the plan itself: its name, currency and effective time.
    pub fields: Vec<FieldDiff>,
    /// Of its prices, by rising id; those that are the same are left out.
    pub prices: Vec<PriceDiff>,
}

/// A field whose text is different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldDiff {
    /// Which, as in documents: `tiers[0].price`.
    pub field: String,
    /// What it said; absent: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it says; absent: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A price that is different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PriceDiff {
    /// Its id.
    pub price: String,
    /// Whether it is in both.
    pub change: PriceChange,
    /// All fields of one that is new or gone, else those that are different.
    pub fields: Vec<FieldDiff>,
}

/// What became of a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceChange {
    /// It is only in the later plan.
    Added,
    /// It is only in the earlier plan.
    Removed,
    /// It is in both, and not the same.
    Changed,
}

/// The texts of a document's fields by their paths.
type Fields = BTreeMap<String, String>;

impl Plan {
    /// What is different in a later plan.
    pub fn diff(&self, later: &Self) -> PlanDiff {
        let (before, after) = (self.price_fields(), later.price_fields());
        let ids: BTreeSet<&PriceId> = before.keys().chain(after.keys()).collect();
        let diff = |id: &PriceId| price_diff(id, before.get(id), after.get(id));
        PlanDiff {
            fields: fields_diff(&self.own_fields(), &later.own_fields()),
            prices: ids.into_iter().filter_map(diff).collect(),
        }
    }

    fn own_fields(&self) -> Fields {
        let mut body = self.body();
        body.prices.clear();
        fields(&body)
    }

    fn price_fields(&self) -> BTreeMap<PriceId, Fields> {
        let bodies = self.prices().iter().zip(self.body().prices);
        bodies.map(|(price, body)| (price.id.clone(), fields(&body))).collect()
    }
}

fn price_diff(id: &PriceId, before: Option<&Fields>, after: Option<&Fields>) -> Option<PriceDiff> {
    let change = match (before, after) {
        (None, _) => PriceChange::Added,
        (_, None) => PriceChange::Removed,
        _ => PriceChange::Changed,
    };
    let nothing = Fields::new();
    let fields = fields_diff(before.unwrap_or(&nothing), after.unwrap_or(&nothing));
    (!fields.is_empty()).then(|| PriceDiff { price: id.to_string(), change, fields })
}

fn fields_diff(before: &Fields, after: &Fields) -> Vec<FieldDiff> {
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let diff = |path: &String| FieldDiff {
        field: path.clone(),
        before: before.get(path).cloned(),
        after: after.get(path).cloned(),
    };
    paths.into_iter().map(diff).filter(|diff| diff.before != diff.after).collect()
}

fn fields(body: &impl Serialize) -> Fields {
    let mut fields = Fields::new();
    flatten("", &serde_json::to_value(body).expect("a body of texts is JSON"), &mut fields);
    fields
}

fn flatten(path: &str, value: &Value, fields: &mut Fields) {
    match value {
        Value::Object(object) => {
            let separator = if path.is_empty() { "" } else { "." };
            object.iter().for_each(|(key, value)| flatten(&format!("{path}{separator}{key}"), value, fields));
        }
        Value::Array(array) => {
            array
                .iter()
                .enumerate()
                .for_each(|(index, value)| flatten(&format!("{path}[{index}]"), value, fields));
        }
        Value::String(text) => {
            fields.insert(path.to_owned(), text.clone());
        }
        other => {
            fields.insert(path.to_owned(), other.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::PlanDocument;

    const EXAMPLE: &str = include_str!("example.yaml");

    fn diff(before: &str, after: &str) -> PlanDiff {
        let plan = |text: &str| PlanDocument::parse(text).unwrap().into_plan();
        plan(before).diff(&plan(after))
    }

    fn field(name: &str, before: Option<&str>, after: Option<&str>) -> FieldDiff {
        FieldDiff {
            field: name.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        }
    }

    #[test]
    fn the_same_content_differs_in_nothing_however_it_is_spelled() {
        let spelled =
            EXAMPLE.replace("3.00", "3").replace("2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00");
        assert_eq!(diff(EXAMPLE, &spelled), PlanDiff::default());
    }

    #[test]
    fn a_changed_field_is_named_by_its_path_with_both_texts() {
        let later = EXAMPLE
            .replace("2026-01-01", "2026-02-01")
            .replace("{up_to: \"1000\", price: \"0.08\"}", "{up_to: \"500\", price: \"0.08\"}")
            .replace("    minimum: \"1.50\"\n", "")
            .replace("eu-1", "eu-2");
        let changed = |price: &str, fields: Vec<FieldDiff>| PriceDiff {
            price: price.to_owned(),
            change: PriceChange::Changed,
            fields,
        };
        let expected = PlanDiff {
            fields: vec![field("effective_time", Some("2026-01-01T00:00:00Z"), Some("2026-02-01T00:00:00Z"))],
            prices: vec![
                changed("input-eu", vec![field("match.region", Some("eu-1"), Some("eu-2"))]),
                changed(
                    "storage",
                    vec![
                        field("minimum", Some("1.5"), None),
                        field("tiers[1].up_to", Some("1000"), Some("500")),
                    ],
                ),
            ],
        };
        assert_eq!(diff(EXAMPLE, &later), expected);
    }

    #[test]
    fn a_price_that_comes_or_goes_shows_all_its_fields() {
        let renamed = EXAMPLE.replace("id: calls", "id: requests");
        let prices = diff(EXAMPLE, &renamed).prices;
        let shown: Vec<(&str, PriceChange, usize)> =
            prices.iter().map(|price| (price.price.as_str(), price.change, price.fields.len())).collect();
        assert_eq!(shown, [("calls", PriceChange::Removed, 6), ("requests", PriceChange::Added, 6)]);
        assert!(prices[0].fields.contains(&field("price", Some("2"), None)));
        assert!(prices[1].fields.contains(&field("price", None, Some("2"))));
        assert_eq!(serde_json::to_value(prices[1].change).unwrap(), "added");
    }
}
