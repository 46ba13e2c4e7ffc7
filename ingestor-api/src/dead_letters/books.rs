//! The books of dead letters: cells to read, statements to append.

use super::counted::is_counted;
use crate::edge::Edge;
use crate::part::{Part, Place};
use domain::code::Code;
use domain::dead_letter::{DeadLetterEvent, DeadLetterId};
use domain::generation::Registry;
use domain::port::{CellStore, Clock};
use proto::record::Control;
use rest::Problem;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What work on dead letters is done with.
pub(super) struct Books<'a> {
    pub edge: &'a Edge,
    pub registry: Arc<Registry>,
    pub store: &'a dyn CellStore,
    pub clock: &'a dyn Clock,
}

impl Books<'_> {
    /// Waits until all that was acknowledged up to now is counted.
    pub async fn wait_until_counted(&self) -> Result<(), Problem> {
        if is_counted(self.store, &self.registry, self.clock.now()).await? {
            return Ok(());
        }
        let detail = "what was acknowledged before is not counted yet, so dead letters must wait";
        Err(Problem::new(Code::Unavailable, detail))
    }

    /// Appends what happened to dead letters, each to its own partition.
    pub async fn tell(
        &self,
        events: impl IntoIterator<Item = (DeadLetterId, DeadLetterEvent)>,
    ) -> Result<(), Problem> {
        let mut parts: BTreeMap<(u32, u32), Part> = BTreeMap::new();
        for (id, event) in events {
            let part = parts.entry((id.generation, id.partition)).or_default();
            part.load.controls.push(Control::DeadLetter { id, event });
        }
        let place = |((generation, partition), part)| {
            let generation = self.registry.find(generation).ok_or_else(|| unknown_generation(generation))?;
            Ok((Place::new(&self.registry, generation, partition), part))
        };
        let parts = parts.into_iter().map(place).collect::<Result<Vec<_>, Problem>>()?;
        Ok(self.edge.state(parts).await?)
    }
}

fn unknown_generation(generation: u32) -> Problem {
    let rule = format_args!("name generation {generation}, which does not exist");
    Problem::field(Code::InvalidArgument, "ids", rule)
}
