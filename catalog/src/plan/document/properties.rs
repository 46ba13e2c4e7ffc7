//! Any plan that is well said reads back from its own body, and means the same however it is spelled.
#![expect(clippy::format_push_string, reason = "a document is easier to read line by line")]

use super::*;
use crate::plan::Model;
use domain::dimension::{Dimensions, Group};
use domain::id::SkuId;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A price as an author writes it.
#[derive(Clone, Debug)]
struct Written {
    id: String,
    sku: &'static str,
    dimensions: BTreeMap<&'static str, &'static str>,
    model: WrittenModel,
    per: Option<u32>,
    free: Option<u32>,
    minimum: Option<(u32, u32)>,
    description: Option<String>,
}

#[derive(Clone, Debug)]
enum WrittenModel {
    Single(&'static str, String),
    Tiered(&'static str, Vec<(u32, String)>, String),
}

fn decimal() -> impl Strategy<Value = String> {
    prop_oneof!["[0-9]{1,12}", "[0-9]{1,12}\\.[0-9]{1,12}"]
}

fn model() -> impl Strategy<Value = WrittenModel> {
    let single = (prop::sample::select(vec!["per_unit", "package"]), decimal())
        .prop_map(|(name, price)| WrittenModel::Single(name, price));
    let bounds = prop::collection::btree_set(1_u32..1_000_000, 0..6);
    let tiered = (
        prop::sample::select(vec!["graduated", "volume"]),
        bounds,
        prop::collection::vec(decimal(), 6),
        decimal(),
    )
        .prop_map(|(name, bounds, prices, last)| {
            WrittenModel::Tiered(name, bounds.into_iter().zip(prices).collect(), last)
        });
    prop_oneof![single, tiered]
}

fn written(number: usize) -> impl Strategy<Value = Written> {
    let dimensions = prop::collection::btree_map(
        prop::sample::select(vec!["region", "zone", "tier"]),
        prop::sample::select(vec!["a", "b", "eu-1", "100%"]),
        0..=3,
    );
    let amounts = (
        prop::option::of(1_u32..1_000_000),
        prop::option::of(0_u32..1_000),
        prop::option::of((0_u32..1_000, 0_u32..100)),
    );
    (
        prop::sample::select(vec!["x", "y", "z"]),
        dimensions,
        model(),
        amounts,
        prop::option::of("[a-zA-Z ]{1,20}"),
    )
        .prop_map(move |(sku, dimensions, model, (per, free, minimum), description)| Written {
            id: format!("p{number}"),
            sku,
            dimensions,
            model,
            per,
            free,
            minimum,
            description,
        })
}

fn plan() -> impl Strategy<Value = Vec<Written>> {
    prop::collection::vec(any::<()>(), 1..6)
        .prop_flat_map(|slots| {
            slots.iter().enumerate().map(|(number, ())| written(number)).collect::<Vec<_>>()
        })
        .prop_filter("prices that tie", |prices| {
            prices
                .iter()
                .enumerate()
                .all(|(index, price)| prices[..index].iter().all(|other| !tie(price, other)))
        })
}

/// Whether some usage could match both with equally many dimensions named.
fn tie(one: &Written, other: &Written) -> bool {
    let agree =
        one.dimensions.iter().all(|(key, value)| other.dimensions.get(key).is_none_or(|held| held == value));
    one.sku == other.sku && one.dimensions.len() == other.dimensions.len() && agree
}

impl Written {
    fn yaml(&self) -> String {
        let mut text = format!("  - id: {}\n    sku: {}\n    unit: GB\n", self.id, self.sku);
        if let Some(per) = self.per {
            text += &format!("    per: \"{per}\"\n");
        }
        if let Some(free) = self.free {
            text += &format!("    free: {free}\n");
        }
        if let Some((whole, cents)) = self.minimum {
            text += &format!("    minimum: '{whole}.{cents:02}'\n");
        }
        if let Some(description) = &self.description {
            text += &format!("    description: \"{description}\"\n");
        }
        if !self.dimensions.is_empty() {
            text += "    match:\n";
            for (key, value) in &self.dimensions {
                text += &format!("      {key}: \"{value}\"\n");
            }
        }
        match &self.model {
            WrittenModel::Single(name, price) => {
                text + &format!("    model: {name}\n    price: \"{price}\"\n")
            }
            WrittenModel::Tiered(name, tiers, last) => {
                text += &format!("    model: {name}\n    tiers:\n");
                for (bound, price) in tiers {
                    text += &format!("      - {{up_to: \"{bound}\", price: \"{price}\"}}\n");
                }
                text + &format!("      - price: \"{last}\"\n")
            }
        }
    }
}

fn document(prices: &[Written]) -> String {
    let prices: String = prices.iter().map(Written::yaml).collect();
    format!("plan: any\ncurrency: EUR\neffective_time: 2026-05-01T10:45:00Z\nprices:\n{prices}")
}

fn read(text: &str) -> Plan {
    PlanDocument::parse(text).unwrap_or_else(|errors| panic!("{errors}\n{text}")).into_plan()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn a_plan_reads_back_from_its_body(prices in plan()) {
        let plan = read(&document(&prices));
        let canonical = plan.canonical();
        prop_assert_eq!(&read(&canonical), &plan);
        prop_assert_eq!(read(&canonical).canonical(), canonical);
        prop_assert!(plan.diff(&read(&plan.canonical())).prices.is_empty());
    }

    #[test]
    fn the_order_of_prices_says_nothing(prices in plan(), turn in any::<prop::sample::Index>()) {
        let mut turned = prices.clone();
        turned.rotate_left(turn.index(prices.len()));
        prop_assert_eq!(read(&document(&turned)).canonical(), read(&document(&prices)).canonical());
    }

    #[test]
    fn nothing_that_was_written_is_lost(prices in plan()) {
        let plan = read(&document(&prices));
        prop_assert_eq!(plan.prices().len(), prices.len());
        for written in &prices {
            let price = plan.prices().iter().find(|price| price.id.as_str() == written.id).unwrap();
            prop_assert_eq!(price.sku.as_str(), written.sku);
            prop_assert_eq!(price.per.to_string(), written.per.unwrap_or(1).to_string());
            prop_assert_eq!(price.free.map(|free| free.to_string()), written.free.filter(|free| *free > 0).map(|free| free.to_string()));
            prop_assert_eq!(price.minimum.is_some(), written.minimum.is_some_and(|minimum| minimum != (0, 0)));
            prop_assert_eq!(price.dimensions.len(), written.dimensions.len());
            prop_assert_eq!(&price.description, &written.description);
            match (&price.model, &written.model) {
                (Model::PerUnit(_), WrittenModel::Single(name, _)) => prop_assert_eq!(*name, "per_unit"),
                (Model::Package(_), WrittenModel::Single(name, _)) => prop_assert_eq!(*name, "package"),
                (Model::Graduated(tiers), WrittenModel::Tiered(name, bounded, _)) => {
                    prop_assert_eq!((*name, tiers.as_slice().len()), ("graduated", bounded.len() + 1));
                }
                (Model::Volume(tiers), WrittenModel::Tiered(name, bounded, _)) => {
                    prop_assert_eq!((*name, tiers.as_slice().len()), ("volume", bounded.len() + 1));
                }
                _ => prop_assert!(false, "{:?} became {:?}", written.model, price.model),
            }
        }
    }

    #[test]
    fn usage_has_one_price_the_one_that_names_most(prices in plan(), sku in prop::sample::select(vec!["x", "y", "z"]), pairs in prop::collection::btree_map(prop::sample::select(vec!["region", "zone", "tier"]), prop::sample::select(vec!["a", "b", "eu-1", "100%"]), 0..=3)) {
        let plan = read(&document(&prices));
        let dimensions = Dimensions::parse(pairs.iter().map(|(key, value)| (*key, *value))).unwrap();
        let group: Group = dimensions.group(pairs.keys().copied());
        let matching = prices.iter().filter(|price| {
            price.sku == sku && price.dimensions.iter().all(|(key, value)| pairs.get(key) == Some(value))
        });
        let most = matching.max_by_key(|price| price.dimensions.len()).map(|price| price.id.clone());
        let found = plan.find_price(&SkuId::parse(sku).unwrap(), &group).map(|price| price.id.to_string());
        prop_assert_eq!(found, most);
    }
}
