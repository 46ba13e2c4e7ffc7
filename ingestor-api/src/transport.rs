//! How the gRPC services are to be served.

use crate::not_taken::NotTaken;
use crate::status::find_refusal;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use axum::middleware::{self, Next};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tonic::Status;
use tonic::service::Routes;
use tonic::transport::Server;

mod partial;

use partial::bounded;

/// Flow-control window of a stream: a batch and more in flight without waiting for the client's next window.
const STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// Flow-control window of a connection.
const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// Calls and streams of a connection at a time.
const STREAMS_MAX: u32 = 100;
/// Bytes of messages that have begun and not ended, over all connections; past them calls are refused as OVERLOADED.
const PARTIAL_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Names the compressions that a server reads.
const ACCEPT_ENCODING: &str = "grpc-accept-encoding";
/// A connection that answers no ping within this time is given up.
const KEEPALIVE: Duration = Duration::from_secs(20);
/// A call that is not answered, or a stream that is not opened, within this time is in doubt.
const CALL_MAX: Duration = Duration::from_secs(30);

/// A server with the windows the services need; with the defaults a call of 90 KB takes seven times as long. Listen with
/// `TcpIncoming::with_nodelay(Some(true))`.
pub fn server() -> Server {
    Server::builder()
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(STREAMS_MAX)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .tcp_nodelay(true)
}

/// The services as they are to be served: each call bounded in time and room, and every refusal under one of our codes.
pub fn guarded(routes: Routes) -> Routes {
    let partial = Arc::new(Semaphore::new(PARTIAL_BYTES_MAX));
    routes.into_axum_router().layer(middleware::from_fn_with_state(partial, guard)).into()
}

async fn guard(State(partial): State<Arc<Semaphore>>, request: Request, next: Next) -> Response<Body> {
    let request = request.map(|body| bounded(body, partial));
    let Ok(response) = tokio::time::timeout(CALL_MAX, next.run(request)).await else {
        let seconds = CALL_MAX.as_secs();
        let late = NotTaken::deadline_exceeded(format!("the call was not answered within {seconds} seconds"));
        return Status::from(late).into_http();
    };
    let refusal = Status::from_header_map(response.headers()).as_ref().and_then(find_refusal);
    let Some(refusal) = refusal else { return response };
    let mut refused: Response<Body> = refusal.into_http();
    // What compressions there are instead.
    if let Some(known) = response.headers().get(ACCEPT_ENCODING) {
        refused.headers_mut().insert(ACCEPT_ENCODING, known.clone());
    }
    refused
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::House;
    use crate::{Config, build};
    use tokio_util::sync::CancellationToken;
    use tonic_types::StatusExt;
    use tower::ServiceExt;

    /// A call with a body that ends too early, through a door with that much room for messages under way.
    async fn begin(room: usize, bytes: &'static [u8]) -> (tonic::Code, String) {
        let house = House::new();
        let api = build(Config::default(), house.ports(), CancellationToken::new(), house.tracker.clone());
        let room = Arc::new(Semaphore::new(room));
        let routes = api.grpc(Routes::default()).into_axum_router();
        let routes = routes.layer(middleware::from_fn_with_state(room, guard));
        let request = Request::post("/pulse.v1.IngestService/WritePulses")
            .header("content-type", "application/grpc")
            .body(Body::from(bytes))
            .unwrap();
        let response = routes.oneshot(request).await.unwrap();
        let status = Status::from_header_map(response.headers()).unwrap();
        let reason = status.get_error_details().error_info().map(|info| info.reason.clone());
        (status.code(), reason.unwrap_or_default())
    }

    #[tokio::test]
    async fn messages_under_way_take_no_more_room_than_there_is() {
        let cut = &[0, 0, 0, 0, 9, 10, 7, 10, 5];
        assert_eq!(begin(3, cut).await, (tonic::Code::ResourceExhausted, "OVERLOADED".to_owned()));
        assert_eq!(begin(4, cut).await, (tonic::Code::InvalidArgument, "INVALID_ARGUMENT".to_owned()));
    }

    #[tokio::test]
    async fn an_unknown_compression_is_refused_with_a_code_and_those_that_are_known() {
        let house = House::new();
        let api = build(Config::default(), house.ports(), CancellationToken::new(), house.tracker.clone());
        let request = Request::post("/pulse.v1.IngestService/WritePulses")
            .header("content-type", "application/grpc")
            .header("grpc-encoding", "deflate")
            .body(Body::from(vec![1, 0, 0, 0, 1, 0]))
            .unwrap();
        let response =
            guarded(api.grpc(Routes::default())).into_axum_router().oneshot(request).await.unwrap();
        let status = Status::from_header_map(response.headers()).unwrap();
        assert_eq!(status.code(), tonic::Code::Unimplemented);
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "INVALID_ARGUMENT");
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, "grpc-encoding");
        assert!(response.headers()["grpc-accept-encoding"].to_str().unwrap().contains("zstd"));
    }

    #[tokio::test]
    async fn an_unknown_method_stays_what_the_transport_says() {
        let house = House::new();
        let api = build(Config::default(), house.ports(), CancellationToken::new(), house.tracker.clone());
        let request = Request::post("/pulse.v1.IngestService/NoSuch").body(Body::empty()).unwrap();
        let response =
            guarded(api.grpc(Routes::default())).into_axum_router().oneshot(request).await.unwrap();
        let status = Status::from_header_map(response.headers()).unwrap();
        assert_eq!((status.code(), status.details().is_empty()), (tonic::Code::Unimplemented, true));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_whose_request_never_ends_is_given_up() {
        let house = House::new();
        let api = build(Config::default(), house.ports(), CancellationToken::new(), house.tracker.clone());
        let nothing = futures::stream::pending::<Result<Vec<u8>, std::io::Error>>();
        let request = Request::post("/pulse.v1.IngestService/WritePulses")
            .header("content-type", "application/grpc")
            .body(Body::from_stream(nothing))
            .unwrap();
        let response =
            guarded(api.grpc(Routes::default())).into_axum_router().oneshot(request).await.unwrap();
        let status = Status::from_header_map(response.headers()).unwrap();
        assert_eq!(status.code(), tonic::Code::DeadlineExceeded);
    }
}
