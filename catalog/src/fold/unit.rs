//! Units: what one measures never changes; built-in ones belong to the rules.

use super::{At, Effect, Outcome, Refusal};
use crate::resource::{invalid, is_built_in};
use crate::state::State;
use domain::id::UnitId;
use domain::unit::Unit;
use std::sync::Arc;

impl State {
    pub(super) fn put_unit(&mut self, id: &UnitId, unit: &Unit, at: At) -> Outcome {
        check_name(id)?;
        self.units.expect(id, at)?;
        if let Some(before) =
            self.units.find_any(id).filter(|before| before.value.dimension != unit.dimension)
        {
            let rule = format!("must stay {}: what a unit measures never changes", before.value.dimension);
            return Err(invalid("dimension", rule).into());
        }
        let settled = self.units.put(id, unit, at)?;
        if settled.effect == Effect::Applied {
            Arc::make_mut(&mut self.conversions).put(id.clone(), unit.clone());
        }
        Ok(settled)
    }

    pub(super) fn delete_unit(&mut self, id: &UnitId, at: At) -> Outcome {
        check_name(id)?;
        self.units.expect(id, at)?;
        if let Some((sku, _)) = self.skus.live().find(|(_, sku)| is_part(id, &sku.value.unit)) {
            return Err(Refusal::InUse(format!("SKU {sku} is measured in it")));
        }
        if let Some(plan) = self.find_plan_priced_in(|unit| is_part(id, unit)) {
            return Err(Refusal::InUse(format!("plan {plan} has a price in it")));
        }
        self.units.delete(id, at)
    }
}

fn check_name(id: &UnitId) -> Result<(), Refusal> {
    if id.as_str().contains('.') {
        return Err(invalid("unit", "must not contain a point: products such as GB.s need not be put").into());
    }
    if is_built_in(id) {
        return Err(invalid("unit", format!("must not be {id}, which is built in and stays as it is")).into());
    }
    Ok(())
}

fn is_part(unit: &UnitId, of: &UnitId) -> bool {
    of.as_str().split('.').any(|part| part == unit.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Change;
    use crate::fixture::*;
    use crate::resource::ResourceName;

    fn id(text: &str) -> UnitId {
        UnitId::parse(text).unwrap()
    }

    #[test]
    fn built_in_units_products_and_dimensions_stay_as_they_are() {
        let mut state = begun();
        state.apply(&command(unit("page", "page", "1"))).unwrap().unwrap();
        for (change, field) in [
            (unit("GB", "data", "1"), "unit"),
            (unit("page.s", "page.time", "1"), "unit"),
            (unit("page", "data", "1"), "dimension"),
        ] {
            let Err(Refusal::Invalid(rejects)) = state.trial(&command(change)).unwrap() else {
                panic!("{field}")
            };
            assert_eq!(rejects[0].field, field);
        }
        assert!(state.trial(&command(unit("page", "page", "2"))).unwrap().is_ok());
    }

    #[test]
    fn a_unit_in_use_stays_and_one_that_went_still_converts() {
        let mut state = begun();
        state.apply(&command(unit("page", "data", "4096"))).unwrap().unwrap();
        state.apply(&command(sku("scan", "page.s", &[]))).unwrap().unwrap();
        let delete = command(Change::Delete(ResourceName::Unit(id("page"))));
        assert_eq!(state.trial(&delete).unwrap(), Err(Refusal::InUse("SKU scan is measured in it".into())));
        state.apply(&command(sku("scan", "B.s", &[]))).unwrap().unwrap();
        state.apply(&delete).unwrap().unwrap();
        assert!(state.find_unit(&id("page")).is_none() && state.find_unit(&id("s.page")).is_none());
        assert!(state.conversions().conversion(&id("page"), &id("B")).is_some());
    }
}
