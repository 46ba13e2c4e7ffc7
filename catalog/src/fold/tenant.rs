//! Tenants: one with a contract in force cannot go.

use super::{At, Outcome, Refusal};
use crate::state::State;
use domain::id::TenantId;

impl State {
    pub(super) fn delete_tenant(&mut self, id: &TenantId, at: At) -> Outcome {
        self.tenants.expect(id, at)?;
        let in_force =
            self.contracts_of(id).into_iter().find(|(_, contract)| contract.term.window().end() > self.now);
        match in_force {
            Some((contract, _)) => Err(Refusal::InUse(format!("contract {contract} has not ended"))),
            None => self.tenants.delete(id, at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Change;
    use crate::fixture::*;
    use crate::resource::ResourceName;

    #[test]
    fn a_tenant_goes_only_when_its_contracts_have_ended() {
        let mut state = begun();
        let delete = command(Change::Delete(ResourceName::Tenant(TenantId::parse("acme").unwrap())));
        let running = put(contract("c", "acme", "2026-01-01T00:00:00Z", None));
        state.apply(&command(running)).unwrap().unwrap();
        assert_eq!(state.trial(&delete).unwrap(), Err(Refusal::InUse("contract c has not ended".into())));
        let ended = put(contract("c", "acme", "2026-01-01T00:00:00Z", Some(NOW)));
        state.apply(&command(ended)).unwrap().unwrap();
        assert!(state.trial(&delete).unwrap().is_ok());
    }
}
