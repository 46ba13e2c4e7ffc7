//! The gRPC services: each method hands its request to the edge and its answer back.

use crate::config::Config;
use crate::consume::consume;
use crate::edge::Edge;
use crate::not_taken::NotTaken;
use crate::stream::{self, Answer, Wires};
use crate::unary::write_pulses;
use proto::usage::UsageInfoRequest;
use proto::usage::usage_service_server::UsageService;
use proto::v1::ingest_service_server::IngestService;
use proto::v1::{StreamPulsesRequest, WritePulsesRequest, WritePulsesResponse};
use std::sync::Arc;
use std::time::Duration;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status, Streaming};
use tracing::{Instrument, debug_span, info_span};

/// Serves both services from one edge.
#[derive(Clone)]
pub(crate) struct Service {
    pub edge: Arc<Edge>,
    pub config: Config,
    pub shutdown: CancellationToken,
    pub tracker: TaskTracker,
}

#[tonic::async_trait]
impl IngestService for Service {
    type StreamPulsesStream = ReceiverStream<Answer>;

    async fn stream_pulses(
        &self,
        request: Request<Streaming<StreamPulsesRequest>>,
    ) -> Result<Response<Self::StreamPulsesStream>, Status> {
        let (answers, stream) = stream::answers(self.config.stream_batches_in_flight_max.max(1));
        let wires = Wires { requests: request.into_inner(), answers, stop: self.stop() };
        let edge = Arc::clone(&self.edge);
        let drive = async move { stream::drive(&edge, wires).await };
        self.tracker.spawn(drive.instrument(info_span!("stream_pulses")));
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn write_pulses(
        &self,
        request: Request<WritePulsesRequest>,
    ) -> Result<Response<WritePulsesResponse>, Status> {
        let request = request.into_inner();
        let span = debug_span!("write_pulses", pulses = request.pulses.len());
        Ok(write_pulses(&self.edge, request).instrument(span).await.map(Response::new)?)
    }
}

#[tonic::async_trait]
impl UsageService for Service {
    async fn consume(&self, request: Request<UsageInfoRequest>) -> Result<Response<()>, Status> {
        consume(&self.edge, request.into_inner()).instrument(debug_span!("consume")).await.map(Response::new)
    }
}

impl Service {
    /// Resolves when a stream is to be read no further.
    fn stop(&self) -> impl Future<Output = NotTaken> + use<> {
        let shutdown = self.shutdown.clone();
        let age = Some(self.config.max_connection_age_seconds).filter(|seconds| *seconds > 0);
        let age = age.map_or(Duration::MAX, Duration::from_secs);
        async move {
            match tokio::time::timeout(age, shutdown.cancelled_owned()).await {
                Ok(()) => NotTaken::unavailable("the server is stopping: go on in a new stream"),
                Err(_) => NotTaken::unavailable("the stream has reached its age: go on in a new stream"),
            }
        }
    }
}

#[cfg(test)]
mod tests;
