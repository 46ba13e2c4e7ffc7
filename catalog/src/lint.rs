//! Whether a plan fits the catalogue it is loaded into: its SKUs, units and dimensions exist and agree.

use crate::plan::{Faults, PlanDocument, PlanErrors, PriceDef, PricePlaces};
use domain::id::{SkuId, UnitId};
use domain::unit::Units;

/// What the catalogue says of a SKU.
#[derive(Clone, Copy, Debug)]
pub struct SkuFacts<'a> {
    /// The unit whose dimension its usage has.
    pub unit: &'a UnitId,
    /// The dimensions it declares.
    pub dimensions: &'a [String],
}

/// What a plan is checked against.
pub trait KnownSkus {
    /// The SKU of that name, if there is one.
    fn find_sku(&self, id: &SkuId) -> Option<SkuFacts<'_>>;
}

/// Checks a plan against the catalogue; every fault is named with its place.
pub fn lint(document: &PlanDocument, skus: &dyn KnownSkus, units: &Units) -> Result<(), PlanErrors> {
    let mut faults = Faults::default();
    for (price, places) in document.prices() {
        lint_price(price, places, skus.find_sku(&price.sku), units, &mut faults);
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.into_errors()) }
}

fn lint_price(
    price: &PriceDef,
    places: &PricePlaces,
    sku: Option<SkuFacts<'_>>,
    units: &Units,
    faults: &mut Faults,
) {
    let path = &places.path;
    let Some(sku) = sku else {
        return faults.add(
            &format!("{path}.sku"),
            places.sku,
            format!("names {}, which is no SKU", price.sku),
        );
    };
    lint_unit(price, places, sku, units, faults);
    for (key, place) in &places.dimensions {
        if !sku.dimensions.contains(key) {
            let rule = format!("is a dimension that {} does not declare", price.sku);
            faults.add(&format!("{path}.match.{key}"), *place, rule);
        }
    }
}

fn lint_unit(price: &PriceDef, places: &PricePlaces, sku: SkuFacts<'_>, units: &Units, faults: &mut Faults) {
    let field = format!("{}.unit", places.path);
    let Some(unit) = units.find(&price.unit) else {
        return faults.add(&field, places.unit, format!("names {}, which is no unit", price.unit));
    };
    let expected = units.find(sku.unit).map(|unit| unit.dimension);
    if expected.as_ref() != Some(&unit.dimension) {
        let rule = format!(
            "mixes dimensions: {} measures {}, {} is counted in {}",
            price.unit, unit.dimension, price.sku, sku.unit
        );
        faults.add(&field, places.unit, rule);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::PlanError;
    use std::collections::BTreeMap;

    const EXAMPLE: &str = include_str!("plan/example.yaml");

    struct Skus(BTreeMap<SkuId, (UnitId, Vec<String>)>);

    impl KnownSkus for Skus {
        fn find_sku(&self, id: &SkuId) -> Option<SkuFacts<'_>> {
            self.0.get(id).map(|(unit, dimensions)| SkuFacts { unit, dimensions })
        }
    }

    /// The example's SKUs, in units of their own choice.
    fn skus() -> Skus {
        let sku = |(id, unit, dimensions): (&str, &str, &[&str])| {
            let dimensions = dimensions.iter().map(|key| (*key).to_owned()).collect();
            (SkuId::parse(id).unwrap(), (UnitId::parse(unit).unwrap(), dimensions))
        };
        let known: [(&str, &str, &[&str]); 3] =
            [("llm.input", "token", &["region"]), ("disk", "KiB", &[]), ("api.calls", "api_call", &[])];
        Skus(known.into_iter().map(sku).collect())
    }

    fn faults_of(text: &str) -> Vec<PlanError> {
        let document = PlanDocument::parse(text).unwrap();
        lint(&document, &skus(), &Units::built_in()).err().map_or_else(Vec::new, |errors| errors.0)
    }

    #[test]
    fn the_example_fits_its_catalogue_in_any_unit_of_the_same_dimension() {
        assert_eq!(faults_of(EXAMPLE), []);
        assert_eq!(faults_of(&EXAMPLE.replace("unit: GB", "unit: TiB")), []);
    }

    #[test]
    fn what_does_not_fit_the_catalogue_is_refused_with_line_and_reason() {
        for (piece, replacement, line, message) in [
            ("sku: disk", "sku: disc", 22, "prices[2].sku names disc, which is no SKU"),
            ("unit: GB", "unit: gallon", 23, "prices[2].unit names gallon, which is no unit"),
            (
                "unit: GB",
                "unit: GB.h",
                23,
                "prices[2].unit mixes dimensions: GB.h measures data.time, disk is counted in KiB",
            ),
            (
                "{region: eu-1}",
                "{zone: a}",
                18,
                "prices[1].match.zone is a dimension that llm.input does not declare",
            ),
        ] {
            let faults = faults_of(&EXAMPLE.replacen(piece, replacement, 1));
            let told: Vec<(u64, &str)> =
                faults.iter().map(|fault| (fault.line, fault.message.as_str())).collect();
            assert_eq!(told, [(line, message)], "{replacement}");
        }
    }

    #[test]
    fn faults_of_several_prices_come_in_the_order_of_lines() {
        let text = EXAMPLE.replace("sku: llm.input", "sku: llm.output").replace("unit: GB", "unit: s");
        let lines: Vec<u64> = faults_of(&text).iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [6, 14, 23]);
    }
}
