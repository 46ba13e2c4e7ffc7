//! A server that answers by a script.

use crate::server::Server;
use futures::{Stream, StreamExt};
use proto::v1;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status, Streaming};
use v1::ingest_service_server::{IngestService, IngestServiceServer};
use v1::stream_pulses_response::Outcome;
use v1::{StreamPulsesRequest, StreamPulsesResponse, WritePulsesRequest, WritePulsesResponse};

/// What the server does with the next batch.
#[derive(Clone, Copy)]
pub enum Move {
    /// Accepts every pulse.
    Accept,
    /// Takes none, with that code; the delay in milliseconds.
    NotTaken(&'static str, Option<i32>),
    /// Ends the stream.
    End(Code),
}

impl Move {
    fn answer(self, batch: &StreamPulsesRequest) -> Result<StreamPulsesResponse, Status> {
        let outcome = match self {
            Self::End(code) => return Err(Status::new(code, "by the script")),
            Self::Accept => {
                let accepted_count = i32::try_from(batch.pulses.len()).unwrap();
                Outcome::Result(v1::BatchResult { accepted_count, ..v1::BatchResult::default() })
            }
            Self::NotTaken(code, millis) => Outcome::NotTaken(v1::NotTaken {
                code: code.to_owned(),
                message: "by the script".to_owned(),
                retry_delay: millis
                    .map(|millis| prost_types::Duration { seconds: 0, nanos: millis * 1_000_000 }),
            }),
        };
        let batch_sequence = batch.batch_sequence;
        Ok(StreamPulsesResponse { batch_sequence, outcome: Some(outcome), ..StreamPulsesResponse::default() })
    }
}

/// A server that plays its moves, then accepts.
#[derive(Clone, Default)]
pub struct Scripted {
    moves: Arc<Mutex<VecDeque<Move>>>,
    seen: Arc<Mutex<Vec<StreamPulsesRequest>>>,
}

impl Scripted {
    /// The server of those moves.
    pub fn new(moves: &[Move]) -> Self {
        Self { moves: Arc::new(Mutex::new(moves.iter().copied().collect())), ..Self::default() }
    }

    /// Serves while a client is at it.
    pub async fn serve<F: Future>(&self, client: impl FnOnce(Server) -> F) -> F::Output {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let grpc = format!("http://{}", listener.local_addr().unwrap());
        let serving = tonic::transport::Server::builder()
            .add_service(IngestServiceServer::new(self.clone()))
            .serve_with_incoming(TcpIncoming::from(listener));
        tokio::select! {
            end = serving => panic!("the server ended first: {end:?}"),
            output = client(Server { grpc, ..Server::default() }) => output,
        }
    }

    /// What it was sent.
    pub fn seen(&self) -> Vec<StreamPulsesRequest> {
        self.seen.lock().unwrap().clone()
    }
}

#[tonic::async_trait]
impl IngestService for Scripted {
    type StreamPulsesStream = Pin<Box<dyn Stream<Item = Result<StreamPulsesResponse, Status>> + Send>>;

    async fn stream_pulses(
        &self,
        request: Request<Streaming<StreamPulsesRequest>>,
    ) -> Result<Response<Self::StreamPulsesStream>, Status> {
        let Self { moves, seen } = self.clone();
        let answers = request.into_inner().map(move |batch| {
            let batch = batch?;
            seen.lock().unwrap().push(batch.clone());
            let next = moves.lock().unwrap().pop_front().unwrap_or(Move::Accept);
            next.answer(&batch)
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn write_pulses(
        &self,
        _: Request<WritePulsesRequest>,
    ) -> Result<Response<WritePulsesResponse>, Status> {
        Err(Status::unimplemented("no script has it"))
    }
}
