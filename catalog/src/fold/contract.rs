//! Contracts: of one tenant they share a time zone and do not overlap.

use super::{At, Effect, Outcome, Refusal, unknown};
use crate::resource::{Contract, invalid};
use crate::state::State;
use domain::id::ContractId;
use domain::reject::RejectReason;

impl State {
    pub(super) fn put_contract(&mut self, id: &ContractId, contract: &Contract, at: At) -> Outcome {
        self.contracts.expect(id, at)?;
        self.check_parties(id, contract)?;
        self.check_zone(contract)?;
        self.check_overlap(id, contract)?;
        let settled = self.contracts.put(id, contract, at)?;
        if settled.effect == Effect::Applied {
            self.bind(id, contract);
        }
        Ok(settled)
    }

    fn check_parties(&self, id: &ContractId, contract: &Contract) -> Result<(), Refusal> {
        if self.tenants.find(&contract.tenant).is_none() {
            return Err(unknown(RejectReason::UnknownTenant, "tenant", &contract.tenant));
        }
        if let Some(before) =
            self.contracts.find_any(id).filter(|before| before.value.tenant != contract.tenant)
        {
            return Err(invalid("tenant", format!("must stay {}", before.value.tenant)).into());
        }
        let plan = self.find_plan(&contract.plan);
        let plan = plan.ok_or_else(|| unknown(RejectReason::InvalidField, "plan", &contract.plan))?;
        match contract.plan_version {
            Some(number) if plan.find_version(number).is_none() => {
                Err(unknown(RejectReason::InvalidField, "plan_version", number))
            }
            _ => Ok(()),
        }
    }

    fn check_zone(&self, contract: &Contract) -> Result<(), Refusal> {
        match self.accounts.get(&contract.tenant) {
            Some(account) if account.calendar != contract.calendar => {
                let rule =
                    format!("must be {}, as fixed by the tenant's first contract", account.calendar.name());
                Err(invalid("time_zone", rule).into())
            }
            _ => Ok(()),
        }
    }

    fn check_overlap(&self, id: &ContractId, contract: &Contract) -> Result<(), Refusal> {
        let window = contract.term.window();
        let others = self.contracts_of(&contract.tenant).into_iter().filter(|(other, _)| *other != id);
        match others.into_iter().find(|(_, other)| other.term.window().intersection(&window).is_some()) {
            Some((other, _)) => {
                Err(invalid("start_time", format!("must not begin a term that overlaps contract {other}"))
                    .into())
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::*;
    use domain::calendar::Calendar;
    use domain::id::{PlanId, TenantId};

    type Put = (ContractId, Contract);

    fn field_of(state: &State, contract: Put) -> Option<String> {
        match state.trial(&command(put(contract))).unwrap() {
            Ok(_) => None,
            Err(Refusal::Invalid(rejects)) => Some(rejects[0].field.clone()),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_contract_names_what_is_there() {
        let state = begun();
        let good = contract("c", "acme", "2026-01-01T00:00:00Z", None);
        assert_eq!(field_of(&state, good.clone()), None);
        let with = |change: fn(&mut Contract)| {
            let mut contract = good.clone();
            change(&mut contract.1);
            field_of(&state, contract).unwrap()
        };
        assert_eq!(with(|contract| contract.tenant = TenantId::parse("nobody").unwrap()), "tenant");
        assert_eq!(with(|contract| contract.plan = PlanId::parse("none").unwrap()), "plan");
        assert_eq!(with(|contract| contract.plan_version = Some(2)), "plan_version");
    }

    #[test]
    fn contracts_of_a_tenant_follow_each_other_in_one_zone() {
        let mut state = begun();
        let first = contract("one", "acme", "2026-01-01T00:00:00Z", Some("2026-03-01T00:00:00Z"));
        state.apply(&command(put(first.clone()))).unwrap().unwrap();
        let overlapping = contract("two", "acme", "2026-02-28T23:45:00Z", None);
        assert_eq!(field_of(&state, overlapping).as_deref(), Some("start_time"));
        let following = contract("two", "acme", "2026-03-01T00:00:00Z", None);
        assert_eq!(field_of(&state, following.clone()), None);
        let mut elsewhere = following.clone();
        elsewhere.1.calendar = Calendar::parse("Asia/Kolkata").unwrap();
        assert_eq!(field_of(&state, elsewhere).as_deref(), Some("time_zone"));
        state.apply(&command(put(following))).unwrap().unwrap();
        let longer = contract("one", "acme", "2026-01-01T00:00:00Z", Some("2026-03-01T00:15:00Z"));
        assert_eq!(field_of(&state, longer).as_deref(), Some("start_time"));
    }

    #[test]
    fn a_contract_keeps_its_tenant() {
        let mut state = begun();
        state.apply(&command(tenant("globex"))).unwrap().unwrap();
        let first = contract("c", "acme", "2026-01-01T00:00:00Z", None);
        state.apply(&command(put(first))).unwrap().unwrap();
        let moved = contract("c", "globex", "2026-01-01T00:00:00Z", None);
        assert_eq!(field_of(&state, moved).as_deref(), Some("tenant"));
    }
}
