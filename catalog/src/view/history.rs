//! The catalogue as it was: folded again from the log, the last few states kept.

use super::{View, ViewError, partition};
use crate::command;
use crate::state::State;
use domain::port::ReadLimit;
use domain::time::Timestamp;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// States kept; whoever asks for nearby instants starts from one of these.
const KEPT_MAX: usize = 16;
const READ: ReadLimit = ReadLimit { bytes: 1024 * 1024, wait: Duration::ZERO };

/// What is seen, and whether that can never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen<T> {
    /// What.
    pub value: T,
    /// Whether a later command closed the time that was asked for.
    pub is_final: bool,
}

/// States of the past, the latest asked for first.
#[derive(Default)]
pub(super) struct History(VecDeque<Past>);

#[derive(Clone)]
struct Past {
    state: Arc<State>,
    /// When the next command arrived.
    end: Timestamp,
}

impl View {
    /// The catalogue after the last command that arrived at or before `time`. The fold's clock never goes back, so once
    /// a later command is there the answer is final.
    pub async fn as_of(&self, time: Timestamp) -> Result<Seen<Arc<State>>, ViewError> {
        let mut current = self.state();
        if current.now() <= time {
            current = self.confirm().await?;
        }
        if current.now() <= time {
            return Ok(Seen { value: current, is_final: false });
        }
        let mut history = self.0.history.lock().await;
        let past = match history.find(time) {
            Some(past) => past,
            None => fold_until(self, history.nearest(time), time).await?,
        };
        let value = Arc::clone(&past.state);
        history.keep(past);
        Ok(Seen { value, is_final: true })
    }
}

/// Folds the log from a state on up to the first command that arrived after `time`; there is one.
async fn fold_until(view: &View, mut state: State, time: Timestamp) -> Result<Past, ViewError> {
    loop {
        for entry in view.0.log.read(&partition(), state.offset(), READ).await? {
            let arrival = command::decode(&entry)?.ok().map(|command| command.arrival_time);
            if let Some(end) = arrival.filter(|arrival| *arrival > time) {
                return Ok(Past { state: Arc::new(state), end });
            }
            state.fold(&entry)?.ok();
        }
    }
}

impl History {
    /// The state of that time.
    fn find(&self, time: Timestamp) -> Option<Past> {
        self.0.iter().find(|past| past.state.now() <= time && time < past.end).cloned()
    }

    /// The latest state kept that is not after that time, to go on from.
    fn nearest(&self, time: Timestamp) -> State {
        let before = self.0.iter().map(|past| &past.state).filter(|state| state.now() <= time);
        before.max_by_key(|state| state.offset()).map_or_else(State::default, |state| State::clone(state))
    }

    fn keep(&mut self, past: Past) {
        self.0.retain(|other| other.state.offset() != past.state.offset());
        self.0.push_front(past);
        self.0.truncate(KEPT_MAX);
    }
}

#[cfg(test)]
mod tests;
