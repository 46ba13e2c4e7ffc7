//! The write edge: usage comes in, and is acknowledged when it is durable in the log.
//!
//! The one path: a door (`stream`, `unary`, `consume`, `pulses`, `dead_letters`) makes [reports](intake) of a request; the [edge]
//! reads, decides, tells twins apart and sorts them by partition; each partition's [lane] packs the parts of concurrent
//! calls into records, appends them together and answers. What is refused takes the same path and is kept as refused.
//!
//! Never here: an acknowledgement before the append, a guess about an append of unknown outcome, a rule about money.

mod arrival;
mod batch;
mod config;
mod consume;
mod dead_letters;
mod decide;
mod dispatch;
mod edge;
mod groups;
mod idempotency;
mod intake;
mod item;
mod lane;
mod lanes;
mod metrics;
mod mint;
mod not_taken;
mod outcome;
mod pack;
mod part;
mod problem;
mod pulses;
mod recent;
mod refusal_budget;
mod service;
mod status;
mod stream;
#[cfg(test)]
mod testing;
mod trace;
mod transport;
mod unary;

pub use config::Config;
pub use dead_letters::DeadLetterItems;
pub use dead_letters::purge::PurgeRequest;
pub use dead_letters::replay::ReplayRequest;
pub use item::{Item, ItemStatus};
pub use pulses::{CloudEvent, Data, ManyPulses, Pulse, Pulses, Quantity, WrittenPulses};
pub use transport::{guarded, server};

use crate::dead_letters::{DeadLetters, purge, replay};
use crate::edge::Edge;
use crate::idempotency::Answers;
use crate::pulses::Door;
use crate::service::Service;
use domain::port::{Admission, CellStore, Clock, Log, RegistryView};
use proto::usage::usage_service_server::UsageServiceServer;
use proto::v1::ingest_service_server::IngestServiceServer;
use rest::page::PageKey;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::codec::CompressionEncoding;
use tonic::service::Routes;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What the edge needs of the world.
#[derive(Clone)]
pub struct Ports {
    /// Takes the records.
    pub log: Arc<dyn Log>,
    /// May this pulse be billed?
    pub admission: Arc<dyn Admission>,
    /// The generations.
    pub registry: Arc<dyn RegistryView>,
    /// The only now.
    pub clock: Arc<dyn Clock>,
    /// Read for the replay of dead letters.
    pub store: Arc<dyn CellStore>,
    /// Signs the tokens of pages.
    pub page_key: PageKey,
}

/// The edge, ready to be served.
#[derive(Clone)]
pub struct IngestorApi {
    service: Service,
    pulses: Door,
    letters: DeadLetters,
}

/// Builds the edge. When `shutdown` is cancelled, streams are read no further; requests under way are finished, and
/// `tracker` holds their tasks.
pub fn build(config: Config, ports: Ports, shutdown: CancellationToken, tracker: TaskTracker) -> IngestorApi {
    let edge = Arc::new(Edge::new(&config, &ports, tracker.clone()));
    let answers = Answers::new(&ports, tracker.clone());
    let letters = DeadLetters { edge: Arc::clone(&edge), ports, answers };
    let pulses = Door::new(Arc::clone(&edge));
    IngestorApi { service: Service { edge, config, shutdown, tracker }, pulses, letters }
}

impl IngestorApi {
    /// The gRPC services, beside others. Put all behind [`guarded`] and serve them with [`server`].
    pub fn grpc(&self, beside: Routes) -> Routes {
        let ingest = IngestServiceServer::new(self.service.clone())
            .accept_compressed(CompressionEncoding::Gzip)
            .accept_compressed(CompressionEncoding::Zstd);
        beside.add_service(ingest).add_service(UsageServiceServer::new(self.service.clone()))
    }

    /// The HTTP resources.
    pub fn http(&self) -> OpenApiRouter {
        let pulses =
            OpenApiRouter::new().routes(routes!(pulses::write_pulses)).with_state(self.pulses.clone());
        let letters = OpenApiRouter::new()
            .routes(routes!(replay::replay_dead_letters))
            .routes(routes!(purge::purge_dead_letters))
            .with_state(self.letters.clone());
        rest::door::open().merge(pulses).merge(letters)
    }
}
