//! A channel to a server's gRPC door, and what a call that failed means to a command.

use crate::exit::{Exit, Failure};
use crate::server::Server;
use crate::telemetry::TRACEPARENT;
use std::error::Error;
use std::time::Duration;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;

/// Connects.
pub async fn connect(server: &Server) -> Result<Channel, Status> {
    let endpoint = Endpoint::from_shared(server.grpc.clone());
    let endpoint = endpoint.map_err(|error| Status::invalid_argument(error.to_string()))?;
    let endpoint = endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    endpoint.connect().await.map_err(|error| unreachable(server, &error))
}

fn unreachable(server: &Server, error: &tonic::transport::Error) -> Status {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    Status::unavailable(format!("no answer from {}: {cause}; is `pulse up` running?", server.grpc))
}

/// A request with the credential of the caller and the trace it is part of, where there are such.
pub fn request<T>(server: &Server, message: T) -> Result<Request<T>, Status> {
    let mut request = Request::new(message);
    if let Some(token) = &server.token {
        let value: MetadataValue<Ascii> = format!("Bearer {}", token.reveal())
            .parse()
            .map_err(|_| Status::invalid_argument("the token must be printable ASCII"))?;
        request.metadata_mut().insert("authorization", value);
    }
    // A trace that cannot be named is none: it is never the reason for a failure.
    if let Some(parent) = server.traceparent.as_ref().and_then(|parent| parent.parse().ok()) {
        request.metadata_mut().insert(TRACEPARENT, parent);
    }
    Ok(request)
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
