//! Delivery against a server that answers by a script.

use super::*;
use futures::Stream;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status, Streaming};
use v1::ingest_service_server::{IngestService, IngestServiceServer};
use v1::{StreamPulsesRequest, StreamPulsesResponse, WritePulsesRequest, WritePulsesResponse};

/// What the server does with the next batch.
#[derive(Clone, Copy)]
enum Move {
    Accept,
    NotTaken(&'static str, Option<i32>),
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
struct Scripted {
    moves: Arc<Mutex<VecDeque<Move>>>,
    seen: Arc<Mutex<Vec<StreamPulsesRequest>>>,
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

/// What came of a delivery.
struct Delivered {
    result: anyhow::Result<()>,
    /// The tags of answered batches, in the order of the answers.
    answered: Vec<usize>,
    /// What the server saw.
    seen: Vec<StreamPulsesRequest>,
}

fn batch(tag: usize) -> Batch<usize> {
    Batch { pulses: vec![v1::Pulse { id: format!("pulse-{tag}"), ..v1::Pulse::default() }], tags: vec![tag] }
}

async fn deliver(moves: &[Move], count: usize) -> Delivered {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let grpc = format!("http://{}", listener.local_addr().unwrap());
    let scripted =
        Scripted { moves: Arc::new(Mutex::new(moves.iter().copied().collect())), ..Scripted::default() };
    let service = IngestServiceServer::new(scripted.clone());
    let serving = tonic::transport::Server::builder()
        .add_service(service)
        .serve_with_incoming(TcpIncoming::from(listener));
    let (sender, receiver) = mpsc::channel(count.max(1));
    for tag in 0..count {
        sender.send(batch(tag)).await.unwrap();
    }
    drop(sender);
    let answered = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&answered);
    let note = move |one: Answered<usize>| {
        noted.lock().unwrap().extend(one.batch.tags);
        Ok(())
    };
    let server = Server { http: String::new(), grpc, token: None };
    let result = tokio::select! {
        end = serving => panic!("the server ended first: {end:?}"),
        result = Delivery::new(server, note).run(receiver) => result,
    };
    let answered = answered.lock().unwrap().clone();
    let seen = scripted.seen.lock().unwrap().clone();
    Delivered { result, answered, seen }
}

fn exit(delivered: &Delivered) -> (Exit, String) {
    let error = delivered.result.as_ref().unwrap_err();
    (Exit::of(error), error.to_string())
}

#[tokio::test]
async fn more_batches_than_may_be_in_flight_are_all_answered_once() {
    let delivered = deliver(&[], 3 * IN_FLIGHT_MAX).await;
    delivered.result.unwrap();
    assert_eq!(delivered.answered, (0..3 * IN_FLIGHT_MAX).collect::<Vec<_>>());
    assert_eq!(delivered.seen.len(), 3 * IN_FLIGHT_MAX);
    assert!(delivered.seen.windows(2).all(|pair| pair[0].batch_sequence < pair[1].batch_sequence));
}

#[tokio::test]
async fn what_a_broken_stream_left_unanswered_is_sent_again_unchanged() {
    let delivered = deliver(&[Move::Accept, Move::End(Code::Unavailable)], 4).await;
    delivered.result.unwrap();
    let mut answered = delivered.answered.clone();
    answered.sort_unstable();
    assert_eq!(answered, [0, 1, 2, 3], "each is answered once");
    let second: Vec<_> = delivered.seen.iter().filter(|batch| batch.pulses[0].id == "pulse-1").collect();
    assert_eq!(second.len(), 2);
    assert_eq!(second[0].pulses, second[1].pulses);
    let first = delivered.seen.iter().filter(|batch| batch.pulses[0].id == "pulse-0");
    assert!(
        first.count() <= 2,
        "what was answered is sent again only where its answer was lost with the stream"
    );
}

#[tokio::test]
async fn a_batch_that_was_not_taken_comes_again_after_the_delay() {
    let delivered = deliver(&[Move::NotTaken("OVERLOADED", Some(20))], 1).await;
    delivered.result.unwrap();
    assert_eq!(delivered.answered, [0]);
    let [first, second] = &delivered.seen[..] else { panic!("it is sent twice") };
    assert_eq!(first.pulses, second.pulses);
    assert!(first.batch_sequence < second.batch_sequence, "under a number of its own");
}

#[tokio::test]
async fn a_batch_that_would_fail_again_ends_the_delivery() {
    for (code, expected) in [
        ("TOO_LARGE", Exit::Failed),
        ("NOT_ALLOWED", Exit::NotAllowed),
        ("UNAUTHENTICATED", Exit::NotAllowed),
    ] {
        let delivered = deliver(&[Move::NotTaken(code, None)], 1).await;
        assert_eq!(exit(&delivered), (expected, format!("{code}: by the script")));
        assert_eq!((delivered.answered.len(), delivered.seen.len()), (0, 1));
    }
}

#[tokio::test]
async fn a_stream_that_ends_for_a_reason_of_ours_is_not_tried_again() {
    for (code, expected) in [(Code::InvalidArgument, Exit::Usage), (Code::PermissionDenied, Exit::NotAllowed)]
    {
        let delivered = deliver(&[Move::End(code)], 1).await;
        assert_eq!(exit(&delivered).0, expected);
        assert_eq!(delivered.seen.len(), 1);
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_not_waited_for() {
    let (sender, receiver) = mpsc::channel(1);
    drop(sender);
    let nowhere = Server { http: String::new(), grpc: "not an address".to_owned(), token: None };
    let result = Delivery::new(nowhere, |_: Answered<usize>| Ok(())).run(receiver).await;
    assert_eq!(Exit::of(&result.unwrap_err()), Exit::Usage);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_never_there_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let grpc = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (sender, receiver) = mpsc::channel(1);
    sender.send(batch(0)).await.unwrap();
    let nowhere = Server { http: String::new(), grpc, token: None };
    let result = Delivery::new(nowhere, |_: Answered<usize>| Ok(())).run(receiver).await;
    let error = result.unwrap_err();
    assert_eq!(Exit::of(&error), Exit::NotReady);
    assert!(error.to_string().contains("is `pulse up` running?"), "{error}");
}
