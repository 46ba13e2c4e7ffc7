//! What one call sends to one partition.

use crate::metrics::GoingOn;
use crate::pack::Load;
use crate::recent::{Flight, Mark};
use crate::trace::Trace;
use domain::dead_letter::DeadLetterId;
use domain::generation::{Generation, Registry};
use domain::port::TopicPartition;
use domain::position::Position;
use domain::time::Timestamp;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// A partition of the log as it is written now.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The generation.
    pub generation: Arc<Generation>,
    /// Its newest incarnation.
    pub incarnation: u32,
    /// The partition within.
    pub partition: u32,
}

/// What tells places apart: generation, incarnation, partition.
pub(crate) type PlaceKey = (u32, u32, u32);

impl Place {
    /// That partition of that generation.
    pub fn new(registry: &Registry, generation: &Arc<Generation>, partition: u32) -> Self {
        let newest = registry.incarnations(generation.number).last();
        let incarnation = newest.expect("a generation is registered with an incarnation").number;
        Self { generation: Arc::clone(generation), incarnation, partition }
    }

    /// What tells it apart.
    pub fn key(&self) -> PlaceKey {
        (self.generation.number, self.incarnation, self.partition)
    }

    /// The outward id of what was refused and lies there.
    pub fn dead_letter(&self, arrival: Timestamp, position: Position) -> DeadLetterId {
        let Self { generation, partition, .. } = self;
        DeadLetterId { day: arrival.day(), generation: generation.number, partition: *partition, position }
    }

    /// Its name in the log.
    pub fn topic_partition(&self) -> TopicPartition {
        TopicPartition::new(Arc::clone(&self.generation.topic), self.partition)
    }
}

/// What one call sends to one partition.
#[derive(Default)]
pub(crate) struct Part {
    /// What is to be appended.
    pub load: Load,
    /// How much its pulses took on the wire.
    pub bytes: usize,
    /// What tells its accepted pulses apart.
    pub marks: Vec<Mark>,
    /// What the call holds until all its parts have an outcome.
    pub hold: Option<Arc<Hold>>,
}

/// What a call holds until the last of its parts has an outcome, also when the caller is gone.
pub(crate) struct Hold {
    /// Its pulses on their way.
    pub flight: Flight,
    /// Its piece of the budget.
    pub _permit: OwnedSemaphorePermit,
    /// Shows that piece.
    pub _in_flight: GoingOn,
    /// Where it is traced.
    pub trace: Option<Trace>,
}

impl Part {
    /// How many positions it takes.
    pub fn len(&self) -> usize {
        self.load.pulses.len() + self.load.refused.len() + self.load.controls.len()
    }
}
