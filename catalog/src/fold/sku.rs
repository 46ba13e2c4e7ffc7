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
