//! The two doors: HTTP and gRPC, bound early, served late, closed softly.

mod asked;
mod connection;
mod http;
mod incoming;
mod places;

use super::lifecycle::Lifecycle;
use super::rooms::Rooms;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use http::Http;
use incoming::Incoming;
use std::io::ErrorKind;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Sockets that listen and are not served yet.
pub struct Doors {
    http: TcpListener,
    grpc: TcpListener,
    connections_max: usize,
}

impl Doors {
    /// Takes both addresses.
    pub async fn bind(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            http: bind("listen_http", config.listen_http).await?,
            grpc: bind("listen_grpc", config.listen_grpc).await?,
            connections_max: config.connections_max,
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
        let Lifecycle { stop_accepting: closing, requests, .. } = lifecycle.clone();
        let http = Http { router: rooms.http, closing: closing.clone(), connections: requests.clone() };
        requests.spawn(http.serve(Incoming::new(self.http, self.connections_max)));
        let incoming = Incoming::new(self.grpc, self.connections_max).into_stream();
        let grpc = ingestor_api::server()
            .add_routes(rooms.grpc.into())
            .serve_with_incoming_shutdown(incoming, closing.cancelled_owned());
        requests.spawn(async move {
            if let Err(error) = grpc.await {
                tracing::error!(%error, "the gRPC door failed");
            }
        });
    }
}

async fn bind(key: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let advice = match error.kind() {
            ErrorKind::AddrInUse => {
                ": another process listens there; name another address, or port 0 for a free one"
            }
            _ => "",
        };
        let message = format!("{key}: cannot listen on {address}: {error}{advice}");
        Failure { exit: Exit::Failed, message }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_in_use_is_named_with_its_key_and_what_to_do() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let config =
            Config { listen_http: free, listen_grpc: taken.local_addr().unwrap(), ..Config::default() };
        let error = format!("{:#}", Doors::bind(&config).await.err().unwrap());
        assert!(
            error.starts_with(&format!("listen_grpc: cannot listen on {}", config.listen_grpc)),
            "{error}"
        );
        assert!(
            error.ends_with("another process listens there; name another address, or port 0 for a free one")
        );
    }

    #[tokio::test]
    async fn port_zero_is_answered_with_the_port_that_was_free() {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = Config { listen_http: free, listen_grpc: free, ..Config::default() };
        let doors = Doors::bind(&config).await.unwrap();
        let (http, grpc) = (doors.http_address().unwrap().port(), doors.grpc_address().unwrap().port());
        assert!(http != 0 && grpc != 0 && http != grpc);
    }
}
