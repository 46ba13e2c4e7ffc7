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
