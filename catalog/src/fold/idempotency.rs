//! Idempotency keys: a repetition within 24 hours answers as the first did.

use super::{Effect, Outcome, Refusal, Settled};
use crate::command::Command;
use domain::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

const KEPT_SECONDS: i64 = 86_400;

/// The keys of the last 24 hours, by author; a clone shares them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keys(Arc<BTreeMap<(String, String), Remembered>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Remembered {
    arrival: Timestamp,
    request: u128,
    settled: Settled,
}

impl Keys {
    /// What an earlier command of the same author and key came to. `None`: there was none, or it is too old.
    pub(crate) fn find(&self, command: &Command, now: Timestamp) -> Option<Outcome> {
        let key = (command.author.clone(), command.idempotency_key.clone()?);
        let remembered = self.0.get(&key).filter(|remembered| !remembered.is_expired(now))?;
        let same = remembered.request == command.request_fingerprint();
        Some(if same {
            Ok(Settled { effect: Effect::Replayed, ..remembered.settled })
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

impl Remembered {
    fn is_expired(&self, now: Timestamp) -> bool {
        self.arrival.plus_seconds(KEPT_SECONDS) <= now
    }
}
