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
