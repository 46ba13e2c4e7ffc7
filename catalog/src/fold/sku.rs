//! SKUs: the dimension of their unit and their aggregation never change, not even by deleting them.

use super::{At, Outcome, Refusal, unknown};
use crate::resource::{Sku, invalid};
use crate::state::State;
use domain::id::SkuId;
use domain::reject::RejectReason;

impl State {
    pub(super) fn put_sku(&mut self, id: &SkuId, sku: &Sku, at: At) -> Outcome {
        self.skus.expect(id, at)?;
        let unit =
            self.find_unit(&sku.unit).ok_or_else(|| unknown(RejectReason::UnknownUnit, "unit", &sku.unit))?;
        if let Some(before) = self.skus.find_any(id) {
            let dimension = self.conversions.find(&before.value.unit).map(|unit| unit.dimension);
            if dimension.as_ref() != Some(&unit.dimension) {
                let rule = format!(
                    "must stay convertible to {}: what a SKU measures never changes",
                    before.value.unit
                );
                return Err(invalid("unit", rule).into());
            }
            if before.value.aggregation != sku.aggregation {
                return Err(invalid("aggregation", format!("must stay {}", before.value.aggregation)).into());
            }
        }
        self.skus.put(id, sku, at)
    }

    pub(super) fn delete_sku(&mut self, id: &SkuId, at: At) -> Outcome {
        self.skus.expect(id, at)?;
        match self.find_plan_pricing(id) {
            Some(plan) => Err(Refusal::InUse(format!("plan {plan} has a price for it"))),
            None => self.skus.delete(id, at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Change;
    use crate::fixture::*;
    use crate::resource::ResourceName;
    use crate::state::State;

    fn field_of(state: &State, change: Change) -> String {
        match state.trial(&command(change)).unwrap() {
            Err(Refusal::Invalid(rejects)) => rejects[0].field.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_a_sku_measures_outlives_its_deletion() {
        let mut state = begun();
        state.apply(&command(sku("disk", "GB.h", &[]))).unwrap().unwrap();
        assert_eq!(field_of(&state, sku("disk", "GB", &[])), "unit");
        let delete = Change::Delete(ResourceName::Sku(SkuId::parse("disk").unwrap()));
        state.apply(&command(delete)).unwrap().unwrap();
        assert_eq!(field_of(&state, sku("disk", "token", &[])), "unit");
        assert!(state.trial(&command(sku("disk", "GiB.s", &["zone"]))).unwrap().is_ok());
        assert_eq!(field_of(&state, sku("other", "furlong", &[])), "unit");
    }

    #[test]
    fn a_sku_that_has_a_price_stays() {
        let state = begun();
        let delete = command(Change::Delete(ResourceName::Sku(SkuId::parse("llm.input").unwrap())));
        assert_eq!(state.trial(&delete).unwrap(), Err(Refusal::InUse("plan llm has a price for it".into())));
    }
}
