//! The catalogue as a service: a command is appended, and answered when its own offset is folded.

use crate::command::{Change, Command, encode};
use crate::fold::{Effect, Halt, Outcome};
use crate::metrics;
use crate::state::State;
use crate::view::{View, ViewError, partition};
use domain::port::LogError;
use std::sync::Arc;
use std::time::Duration;

/// The longest a command waits to be folded.
const FOLD_MAX: Duration = Duration::from_secs(5);

/// Takes commands and answers from the view; a clone is the same catalogue.
#[derive(Clone)]
pub struct Catalog {
    view: View,
}

/// What somebody wishes; the arrival time is added when it is appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Who.
    pub author: String,
    /// Makes a repetition within 24 hours answer as the first did.
    pub idempotency_key: Option<String>,
    /// The revision the resource must have now.
    pub expected_revision: Option<u64>,
    /// What is to change.
    pub change: Change,
}

/// Why a command has no outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// The view cannot answer.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The command may or may not hold; the same wish again is right.
    #[error("the outcome of the command is unknown: {0}")]
    UnknownOutcome(&'static str),
}

impl From<LogError> for CatalogError {
    fn from(error: LogError) -> Self {
        Self::View(error.into())
    }
}

impl From<Halt> for CatalogError {
    fn from(halt: Halt) -> Self {
        Self::View(halt.into())
    }
}

impl Catalog {
    /// The service over a view.
    pub fn new(view: View) -> Self {
        Self { view }
    }

    /// What it answers from.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// The catalogue as far as it is folded.
    pub fn state(&self) -> Arc<State> {
        self.view.state()
    }

    /// What becomes of a wish. One that would change nothing, not even what is remembered under its key, is answered from
    /// the log's end and not appended.
    pub async fn submit(&self, wish: Wish) -> Result<Outcome, CatalogError> {
        let kind = wish.change.kind();
        let outcome = self.decide(wish).await;
        metrics::settled(kind, &outcome);
        outcome
    }

    async fn decide(&self, wish: Wish) -> Result<Outcome, CatalogError> {
        let command = self.command(wish);
        let early = self.state().trial(&command)?;
        if is_news(&command, &early) {
            return self.append(&command).await;
        }
        let outcome = self.view.confirm().await?.trial(&command)?;
        if is_news(&command, &outcome) { self.append(&command).await } else { Ok(outcome) }
    }

    /// What would become of a wish by what is folded here.
    pub(crate) fn trial(&self, wish: Wish) -> Result<Outcome, CatalogError> {
        Ok(self.state().trial(&self.command(wish))?)
    }

    fn command(&self, wish: Wish) -> Command {
        Command {
            author: wish.author,
            idempotency_key: wish.idempotency_key,
            expected_revision: wish.expected_revision,
            arrival_time: self.view.clock().now(),
            change: wish.change,
        }
    }

    async fn append(&self, command: &Command) -> Result<Outcome, CatalogError> {
        let mut outcomes = self.view.outcomes();
        let offsets = self.view.log().append(&partition(), vec![encode(command)]).await?;
        let offset = *offsets.first().expect("one record was appended");
        let folded = tokio::time::timeout(FOLD_MAX, self.view.at_least(offset + 1)).await;
        folded.map_err(|_| CatalogError::UnknownOutcome("it was not folded in time"))??;
        loop {
            match outcomes.try_recv() {
                Ok((other, _)) if other != offset => {}
                Ok((_, outcome)) => return Ok(outcome),
                Err(_) => return Err(CatalogError::UnknownOutcome("too many others were folded with it")),
            }
        }
    }
}

fn is_news(command: &Command, outcome: &Outcome) -> bool {
    let Ok(settled) = outcome else { return false };
    !settled.replayed && (settled.effect == Effect::Applied || command.idempotency_key.is_some())
}

#[cfg(test)]
mod tests;
