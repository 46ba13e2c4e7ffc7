//! Price plans: versions are numbered here, and the same content again is the same version.

use super::{At, Effect, Outcome, Refusal, Settled};
use crate::lint::lint;
use crate::plan::{PlanDocument, PlanErrors, PlanVersion};
use crate::resource::invalid;
use crate::state::{PublishedPlan, State, VersionRecord};
use domain::id::{PlanId, SkuId, UnitId};
use domain::reject::{Reject, RejectReason};
use std::sync::Arc;

impl State {
    pub(super) fn publish_plan(&mut self, id: &PlanId, document: &str, at: At) -> Outcome {
        let newest = self.find_plan(id).map(PublishedPlan::newest);
        let revision = newest.map(|version| version.revision);
        if at.expected.is_some() && at.expected != revision {
            return Err(Refusal::RevisionMismatch(revision));
        }
        let document = PlanDocument::parse(document)?;
        if document.plan().id() != id {
            return Err(invalid("plan", format!("must be {id}, the plan it is published for")).into());
        }
        let canonical: Arc<str> = document.plan().canonical().into();
        if let Some(same) = self.find_plan(id).and_then(|plan| plan.find_canonical(&canonical)) {
            return Ok(settled(Effect::Unchanged, same));
        }
        lint(&document, self, &self.conversions)?;
        let number = newest.map_or(1, |version| version.version.number + 1);
        let version = Arc::new(PlanVersion { number, plan: document.into_plan() });
        let record = VersionRecord { version, canonical, revision: at.revision, published: self.now };
        let settled = settled(Effect::Applied, &record);
        Arc::make_mut(&mut self.plans).entry(id.clone()).or_default().push(record);
        Ok(settled)
    }

    /// A plan whose newest version has a price for that SKU.
    pub(super) fn find_plan_pricing(&self, sku: &SkuId) -> Option<&PlanId> {
        let prices =
            |plan: &PublishedPlan| plan.newest().version.plan.prices().iter().any(|price| price.sku == *sku);
        self.plans().find(|(_, plan)| prices(plan)).map(|(id, _)| id)
    }

    /// A plan whose newest version has a price in such a unit.
    pub(super) fn find_plan_priced_in(&self, is_such: impl Fn(&UnitId) -> bool) -> Option<&PlanId> {
        let prices = |plan: &PublishedPlan| {
            plan.newest().version.plan.prices().iter().any(|price| is_such(&price.unit))
        };
        self.plans().find(|(_, plan)| prices(plan)).map(|(id, _)| id)
    }
}

fn settled(effect: Effect, record: &VersionRecord) -> Settled {
    Settled { effect, revision: record.revision, plan_version: Some(record.version.number), replayed: false }
}

impl From<PlanErrors> for Refusal {
    fn from(errors: PlanErrors) -> Self {
        let reject = |error: crate::plan::PlanError| Reject {
            reason: RejectReason::InvalidField,
            message: error.to_string(),
            field: error.field,
        };
        Self::Invalid(errors.0.into_iter().map(reject).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::*;

    fn publish(state: &mut State, document: &str) -> Outcome {
        state.apply(&command(plan(document))).unwrap()
    }

    #[test]
    fn versions_are_numbered_and_the_same_content_is_the_same_version() {
        let mut state = begun();
        let second = publish(&mut state, &PLAN.replace("0.50", "0.70")).unwrap();
        assert_eq!((second.effect, second.plan_version), (Effect::Applied, Some(2)));
        let spelled = PLAN.replace("0.50", "0.500").replace("\"per\":\"100\"", "\"per\":\"100.0\"");
        let first = publish(&mut state, &spelled).unwrap();
        assert_eq!((first.effect, first.revision, first.plan_version), (Effect::Unchanged, 4, Some(1)));
        let plan = state.find_plan(&PlanId::parse("llm").unwrap()).unwrap();
        assert_eq!(plan.versions().len(), 2);
        assert_eq!(plan.newest().version.number, 2);
    }

    #[test]
    fn a_plan_that_does_not_fit_the_catalogue_is_refused_by_field() {
        let mut state = begun();
        for (document, field) in [
            (PLAN.replace("llm.input", "unknown"), "prices[0].sku"),
            (PLAN.replace("\"token\"", "\"GB\""), "prices[0].unit"),
        ] {
            let Err(Refusal::Invalid(rejects)) = publish(&mut state, &document) else { panic!("{field}") };
            assert_eq!(rejects[0].field, field);
        }
    }

    #[test]
    fn a_document_is_published_under_its_own_name() {
        let mut state = begun();
        let change = crate::command::Change::PublishPlan(PlanId::parse("other").unwrap(), PLAN.into());
        let Err(Refusal::Invalid(rejects)) = state.apply(&command(change)).unwrap() else {
            panic!("it is refused")
        };
        assert_eq!(rejects[0].field, "plan");
    }
}
