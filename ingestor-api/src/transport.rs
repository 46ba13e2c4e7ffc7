//! How the gRPC services are to be served.

use std::time::Duration;
use tonic::transport::Server;

/// Flow-control window of a stream: a batch and more in flight without waiting for the client's next window.
const STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// Flow-control window of a connection.
const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// A connection that answers no ping within this time is given up.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// A server with the windows the services need; with the defaults a call of 90 KB takes seven times as long. Listen with
/// `TcpIncoming::with_nodelay(Some(true))`.
pub fn server() -> Server {
    Server::builder()
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .tcp_nodelay(true)
}
