//! The raw limit of the transport: the same services on the same settings, with nothing behind them.

use crate::server::{scratch, wait};
use anyhow::{Context, bail};
use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use axum::serve::ListenerExt;
use futures::{Stream, StreamExt};
use proto::v1;
use proto::v1::ingest_service_server::{IngestService, IngestServiceServer};
use std::fs;
use std::net::SocketAddr;
use std::pin::Pin;
use std::process::{Child, Command};
use tokio::net::{TcpListener, TcpStream};
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};
use v1::stream_pulses_response::Outcome;

/// The argument that makes this program the server.
pub const ROLE: &str = "serve-echo";
/// Where it says that it listens.
const ADDRESS_FILE: &str = "BENCH_ADDRESS_FILE";

/// The server's process; it is killed when this goes.
pub struct Echo {
    child: Child,
    grpc: SocketAddr,
    /// Where HTTP is served.
    pub http: SocketAddr,
}

impl Echo {
    /// Starts it and waits until it listens.
    pub fn start() -> anyhow::Result<Self> {
        let directory = tempfile::tempdir_in(scratch())?;
        let file = directory.path().join("address");
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.arg(ROLE).env(ADDRESS_FILE, &file).spawn().context("starting the echo")?;
        let (grpc, http) = wait("an echo that listens", || {
            if let Some(status) = child.try_wait()? {
                bail!("the echo ended before it listened: {status}");
            }
            Ok(fs::read_to_string(&file).ok().and_then(|text| addresses(&text)))
        })?;
        Ok(Self { child, grpc, http })
    }

    /// Where gRPC is served.
    pub fn grpc(&self) -> String {
        format!("http://{}", self.grpc)
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn addresses(text: &str) -> Option<(SocketAddr, SocketAddr)> {
    let (grpc, http) = text.split_once(' ')?;
    Some((grpc.parse().ok()?, http.parse().ok()?))
}

/// Serves until it is killed.
pub fn serve() -> anyhow::Result<()> {
    let file = std::env::var_os(ADDRESS_FILE).context("the file for the address is not named")?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let (grpc, http) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
        let addresses = format!("{} {}", grpc.local_addr()?, http.local_addr()?);
        let partial = format!("{}.tmp", file.display());
        fs::write(&partial, addresses)?;
        fs::rename(partial, file)?;
        let incoming = TcpIncoming::from(grpc).with_nodelay(Some(true));
        let services = ingestor_api::server().add_service(IngestServiceServer::new(Parrot));
        let resource = Router::new().route("/v1/pulses", post(repeat));
        tokio::try_join!(
            async { services.serve_with_incoming(incoming).await.context("serving gRPC") },
            async { axum::serve(http.tap_io(no_delay), resource).await.context("serving HTTP") },
        )
        .map(drop)
    })
}

fn no_delay(connection: &mut TcpStream) {
    let _ = connection.set_nodelay(true);
}

async fn repeat(body: Bytes) -> (StatusCode, Bytes) {
    (StatusCode::MULTI_STATUS, body)
}

/// Answers at once what a server that took everything would answer.
struct Parrot;

type Answers = Pin<Box<dyn Stream<Item = Result<v1::StreamPulsesResponse, Status>> + Send>>;

#[tonic::async_trait]
impl IngestService for Parrot {
    type StreamPulsesStream = Answers;

    async fn stream_pulses(
        &self,
        request: Request<Streaming<v1::StreamPulsesRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let answers = request.into_inner().map(|batch| batch.map(answer));
        Ok(Response::new(Box::pin(answers)))
    }

    async fn write_pulses(
        &self,
        request: Request<v1::WritePulsesRequest>,
    ) -> Result<Response<v1::WritePulsesResponse>, Status> {
        let result = Some(accepted(&request.into_inner().pulses));
        Ok(Response::new(v1::WritePulsesResponse { result }))
    }
}

fn answer(batch: v1::StreamPulsesRequest) -> v1::StreamPulsesResponse {
    let v1::StreamPulsesRequest { batch_sequence, pulses } = batch;
    v1::StreamPulsesResponse {
        batch_sequence,
        outcome: Some(Outcome::Result(accepted(&pulses))),
        limits: None,
    }
}

fn accepted(pulses: &[v1::Pulse]) -> v1::BatchResult {
    let received_time = Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 123_456_789 });
    let accepted_count = i32::try_from(pulses.len()).unwrap_or(i32::MAX);
    v1::BatchResult { accepted_count, received_time, ..v1::BatchResult::default() }
}
