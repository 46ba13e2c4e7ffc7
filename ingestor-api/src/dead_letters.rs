//! Dead letters: what was refused and kept is sent again, or given up.

use crate::Ports;
use crate::edge::Edge;
use crate::idempotency::Answers;
use crate::item::Item;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

mod attempt;
mod books;
mod counted;
mod pace;
pub(crate) mod purge;
mod repair;
pub(crate) mod replay;
mod search;
mod selection;

use books::Books;

/// What became of the dead letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeadLetterItems {
    /// One for each dead letter that was open and matched.
    pub items: Vec<Item>,
    /// Leads to those that did not fit in one request; absent: these were all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// What the resource needs.
#[derive(Clone)]
pub(crate) struct DeadLetters {
    pub edge: Arc<Edge>,
    pub ports: Ports,
    pub answers: Answers,
}

impl DeadLetters {
    fn books(&self) -> Books<'_> {
        let Ports { store, clock, registry, .. } = &self.ports;
        Books { edge: &self.edge, registry: registry.registry(), store: &**store, clock: &**clock }
    }
}

#[cfg(test)]
mod tests;
