//! Idempotency keys: a repetition within 24 hours answers as the first did.

use super::{Outcome, Refusal, Settled};
use crate::command::Command;
use domain::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

const KEPT_SECONDS: i64 = 86_400;

/// The keys of the last 24 hours, by author; a clone shares them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keys(Arc<BTreeMap<(String, String), Remembered>>);

/// What a key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remembered {
    pub(crate) arrival: Timestamp,
    /// The fingerprint of the request.
    pub(crate) request: u128,
    pub(crate) settled: Settled,
}

impl Keys {
    /// All of them, by author and key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&(String, String), &Remembered)> {
        self.0.iter()
    }

    /// What an earlier command of the same author and key came to. `None`: there was none, or it is too old.
    pub(crate) fn find(&self, command: &Command, now: Timestamp) -> Option<Outcome> {
        let key = (command.author.clone(), command.idempotency_key.clone()?);
        let remembered = self.0.get(&key).filter(|remembered| !remembered.is_expired(now))?;
        let same = remembered.request == command.request_fingerprint();
        Some(if same {
            Ok(Settled { replayed: true, ..remembered.settled })
        } else {
            Err(Refusal::KeyReused)
        })
    }

    /// Notes what a command came to, where it carries a key, and forgets what is too old.
    pub(crate) fn remember(&mut self, command: &Command, now: Timestamp, settled: Settled) {
        let Some(key) = &command.idempotency_key else { return };
        let keys = Arc::make_mut(&mut self.0);
        keys.retain(|_, remembered| !remembered.is_expired(now));
        let remembered = Remembered { arrival: now, request: command.request_fingerprint(), settled };
        keys.insert((command.author.clone(), key.clone()), remembered);
    }
}

impl FromIterator<((String, String), Remembered)> for Keys {
    fn from_iter<I: IntoIterator<Item = ((String, String), Remembered)>>(keys: I) -> Self {
        Self(Arc::new(keys.into_iter().collect()))
    }
}

impl Remembered {
    fn is_expired(&self, now: Timestamp) -> bool {
        self.arrival.plus_seconds(KEPT_SECONDS) <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::*;
    use crate::fold::Effect;
    use crate::state::State;

    fn keyed(author: &str, key: &str, hours: i64, change: crate::command::Change) -> Command {
        Command {
            author: author.to_owned(),
            idempotency_key: Some(key.to_owned()),
            arrival_time: at(NOW).plus_seconds(hours * 3_600),
            ..command(change)
        }
    }

    fn effect(state: &mut State, command: &Command) -> Result<Effect, Refusal> {
        state.apply(command).unwrap().map(|settled| settled.effect)
    }

    #[test]
    fn a_repetition_answers_as_the_first_did_for_24_hours_of_arrival_time() {
        let mut state = begun();
        let cheaper = plan(&PLAN.replace("0.50", "0.40"));
        assert_eq!(effect(&mut state, &keyed("ann", "k", 0, cheaper.clone())), Ok(Effect::Applied));
        let again = state.apply(&keyed("ann", "k", 23, cheaper.clone())).unwrap().unwrap();
        let first = Settled { effect: Effect::Applied, revision: 5, plan_version: Some(2), replayed: true };
        assert_eq!(again, first);
        assert_eq!(effect(&mut state, &keyed("ann", "k", 24, cheaper)), Ok(Effect::Unchanged));
    }

    #[test]
    fn a_key_used_for_something_else_is_refused_for_that_author_only() {
        let mut state = begun();
        assert_eq!(effect(&mut state, &keyed("ann", "k", 0, tenant("a"))), Ok(Effect::Applied));
        assert_eq!(effect(&mut state, &keyed("ann", "k", 1, tenant("b"))), Err(Refusal::KeyReused));
        assert_eq!(effect(&mut state, &keyed("bob", "k", 1, tenant("b"))), Ok(Effect::Applied));
        assert_eq!(effect(&mut state, &keyed("ann", "k", 25, tenant("c"))), Ok(Effect::Applied));
    }

    #[test]
    fn an_arrival_time_that_goes_back_brings_no_key_back() {
        let mut state = begun();
        assert_eq!(effect(&mut state, &keyed("ann", "k", 0, tenant("a"))), Ok(Effect::Applied));
        assert_eq!(effect(&mut state, &keyed("ann", "other", 30, tenant("b"))), Ok(Effect::Applied));
        assert_eq!(effect(&mut state, &keyed("ann", "k", 1, tenant("c"))), Ok(Effect::Applied));
    }

    #[test]
    fn what_was_refused_may_be_tried_again_under_its_key() {
        let mut state = begun();
        let contract = put(contract("c", "globex", "2026-01-01T00:00:00Z", None));
        assert!(effect(&mut state, &keyed("ann", "k", 0, contract.clone())).is_err());
        state.apply(&command(tenant("globex"))).unwrap().unwrap();
        assert_eq!(effect(&mut state, &keyed("ann", "k", 0, contract)), Ok(Effect::Applied));
    }
}
