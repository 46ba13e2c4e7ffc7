//! The two doors: HTTP and gRPC, bound early, served late, closed softly.

use super::lifecycle::Lifecycle;
use super::rooms::Rooms;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;

/// Sockets that listen and are not served yet.
pub struct Doors {
    http: TcpListener,
    grpc: TcpListener,
}

impl Doors {
    /// Takes both addresses.
    pub async fn bind(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            http: bind("listen_http", config.listen_http).await?,
            grpc: bind("listen_grpc", config.listen_grpc).await?,
        })
    }

    /// Where HTTP is served.
    pub fn http_address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.http.local_addr()?)
    }

    /// Where gRPC is served.
    pub fn grpc_address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.grpc.local_addr()?)
    }

    /// Serves both until nothing is accepted any more and what was accepted is answered.
    pub fn serve(self, rooms: Rooms, lifecycle: &Lifecycle) {
        let closing = lifecycle.stop_accepting.clone();
        let http = axum::serve(self.http, rooms.http).with_graceful_shutdown(closing.cancelled_owned());
        lifecycle.requests.spawn(async move { log_end("http", http.await.map_err(Into::into)) });
        let closing = lifecycle.stop_accepting.clone();
        let incoming = TcpIncoming::from(self.grpc).with_nodelay(Some(true));
        let grpc = ingestor_api::server()
            .add_routes(rooms.grpc)
            .serve_with_incoming_shutdown(incoming, closing.cancelled_owned());
        lifecycle.requests.spawn(async move { log_end("grpc", grpc.await.map_err(Into::into)) });
    }
}

async fn bind(key: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    let failed = |error| Failure {
        exit: Exit::Failed,
        message: format!("{key}: cannot listen on {address}: {error}"),
    };
    TcpListener::bind(address).await.map_err(failed)
}

fn log_end(door: &str, result: anyhow::Result<()>) {
    if let Err(error) = result {
        tracing::error!(door, %error, "a door failed");
    }
}
