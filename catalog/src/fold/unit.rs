//! Units: what one measures never changes; built-in ones belong to the rules.

use super::{At, Effect, Outcome, Refusal};
use crate::resource::invalid;
use crate::state::State;
use domain::id::UnitId;
use domain::unit::{Unit, Units};
use std::sync::Arc;

impl State {
    pub(super) fn put_unit(&mut self, id: &UnitId, unit: &Unit, at: At) -> Outcome {
        self.units.expect(id, at)?;
        check_name(id)?;
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
    match Units::built_in().find(id) {
        Some(_) => Err(invalid("unit", format!("must not be {id}, which is built in")).into()),
        None => Ok(()),
    }
}

fn is_part(unit: &UnitId, of: &UnitId) -> bool {
    of.as_str().split('.').any(|part| part == unit.as_str())
}
