//! One stream of `StreamPulses`.

use crate::client::channel;
use crate::server::Server;
use proto::v1;
use std::error::Error;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codec::Streaming;
use tonic::{Code, Status};
use v1::ingest_service_client::IngestServiceClient;

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
        let channel = channel::connect(server).await?;
        let (requests, receiver) = mpsc::channel(in_flight_max);
        let request = channel::request(server, ReceiverStream::new(receiver))?;
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

/// Whether a new stream may do better. A status with a cause was made here, of a connection that broke: whatever its
/// code, the server did not say it.
pub fn is_worth_a_retry(status: &Status) -> bool {
    let is_passing = matches!(
        status.code(),
        Code::Unavailable | Code::ResourceExhausted | Code::Cancelled | Code::Unknown | Code::Aborted
    );
    is_passing || status.source().is_some()
}

#[cfg(test)]
mod tests {
    use super::super::super::channel::failure;
    use super::*;
    use crate::exit::Exit;
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
