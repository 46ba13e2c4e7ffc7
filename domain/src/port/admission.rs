//! The ingestor's question: may this pulse be billed, and how is it keyed?

use crate::generation::Registry;
use crate::pulse::{Pulse, Stamps};
use crate::reject::Reject;
use crate::time::Timestamp;
use async_trait::async_trait;
use std::sync::Arc;

/// The catalogue's answer about a batch.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// How to route, as of the same offset.
    pub registry: Arc<Registry>,
    /// One decision a pulse, in their order.
    pub decisions: Vec<Result<Stamps, Reject>>,
}

/// No decision can be made now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the catalogue is not confirmed at the end of its log: {0}")]
pub struct AdmissionError(pub String);

/// Decides about batches from the catalogue's view in memory.
#[async_trait]
pub trait Admission: Send + Sync {
    /// Decides; `now` is the edge's clock, read before the call. Refuses nothing as unknown before the view has caught
    /// up with the log's end, and fails where the view was not confirmed there within the last five minutes.
    async fn admit(&self, now: Timestamp, pulses: &[Pulse]) -> Result<Admitted, AdmissionError>;
}

/// The generations as this process knows them.
pub trait RegistryView: Send + Sync {
    /// The registry now.
    fn registry(&self) -> Arc<Registry>;
}
