//! One stream of `StreamPulses`.

use crate::exit::{Exit, Failure};
use crate::server::Server;
use proto::v1;
use std::error::Error;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codec::Streaming;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Endpoint;
use tonic::{Code, Request, Status};
use v1::ingest_service_client::IngestServiceClient;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;

/// A stream that is open.
pub struct Connection {
    requests: mpsc::Sender<v1::StreamPulsesRequest>,
    responses: Streaming<v1::StreamPulsesResponse>,
}

/// What comes back on a stream.
pub enum Event {
    /// About one batch.
    Answer(v1::StreamPulsesResponse),
    /// The stream is over.
    End(Status),
}

impl Connection {
    /// Connects and opens a stream; `in_flight_max` requests fit without waiting.
    pub async fn open(server: &Server, in_flight_max: usize) -> Result<Self, Status> {
        let endpoint = Endpoint::from_shared(server.grpc.clone());
        let endpoint = endpoint.map_err(|error| Status::invalid_argument(error.to_string()))?;
        let endpoint = endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
        let channel = endpoint.connect().await.map_err(|error| unreachable(server, &error))?;
        let (requests, receiver) = mpsc::channel(in_flight_max);
        let mut request = Request::new(ReceiverStream::new(receiver));
        if let Some(credential) = credential(server)? {
            request.metadata_mut().insert("authorization", credential);
        }
        let responses = IngestServiceClient::new(channel).stream_pulses(request).await?;
        Ok(Self { requests, responses: responses.into_inner() })
    }

    /// Puts a batch on the stream. A stream that is over says so in [`Self::next`].
    pub async fn send(&self, request: v1::StreamPulsesRequest) {
        let _ = self.requests.send(request).await;
    }

    /// What comes back next.
    pub async fn next(&mut self) -> Event {
        match self.responses.message().await {
            Ok(Some(answer)) => Event::Answer(answer),
            Ok(None) => Event::End(Status::unavailable("the server ended the stream")),
            Err(status) => Event::End(status),
        }
    }
}

fn unreachable(server: &Server, error: &tonic::transport::Error) -> Status {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    Status::unavailable(format!("no answer from {}: {cause}; is `pulse up` running?", server.grpc))
}

fn credential(server: &Server) -> Result<Option<MetadataValue<Ascii>>, Status> {
    let Some(token) = &server.token else { return Ok(None) };
    let value = format!("Bearer {}", token.reveal()).parse();
    value.map(Some).map_err(|_| Status::invalid_argument("the token must be printable ASCII"))
}

/// Whether a new stream may do better. A status with a cause was made here, of a connection that broke: whatever its
/// code, the server did not say it.
pub fn is_worth_a_retry(status: &Status) -> bool {
    let is_passing = matches!(
        status.code(),
        Code::Unavailable | Code::ResourceExhausted | Code::Cancelled | Code::Unknown | Code::Aborted
    );
    is_passing || status.source().is_some()
}

/// How a call that failed ends the command.
pub fn failure(status: &Status) -> Failure {
    let exit = match status.code() {
        Code::Unavailable => Exit::NotReady,
        Code::Unauthenticated | Code::PermissionDenied => Exit::NotAllowed,
        Code::InvalidArgument => Exit::Usage,
        _ => Exit::Failed,
    };
    Failure { exit, message: format!("{:?}: {}", status.code(), status.message()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn what_is_in_doubt_is_sent_again_and_what_is_wrong_is_not() {
        for status in
            [Status::unavailable(""), Status::resource_exhausted(""), Status::unknown("transport error")]
        {
            assert!(is_worth_a_retry(&status), "{status:?}");
        }
        let mut broken = Status::internal("h2 protocol error");
        broken.set_source(Arc::new(std::io::Error::from(std::io::ErrorKind::ConnectionReset)));
        assert!(is_worth_a_retry(&broken));
        for (status, exit) in [
            (Status::invalid_argument("no pulse"), Exit::Usage),
            (Status::permission_denied("not yours"), Exit::NotAllowed),
            (Status::unauthenticated("who?"), Exit::NotAllowed),
            (Status::internal("a bug"), Exit::Failed),
        ] {
            assert!(!is_worth_a_retry(&status), "{status:?}");
            assert_eq!(failure(&status).exit, exit);
        }
    }
}
