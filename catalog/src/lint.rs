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
