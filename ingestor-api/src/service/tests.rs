//! The services as a client sees them, over a real connection.

use crate::testing::{House, Kept, NOW, raw};
use crate::{Config, build, guarded, server};
use axum::http::uri::PathAndQuery;
use backends::memory::AppendFault;
use domain::pulse::RawPulse;
use proto::codec::BoundedCodec;
use proto::usage::UsageInfoRequest;
use proto::usage::usage_service_client::UsageServiceClient;
use proto::v1::ingest_service_client::IngestServiceClient;
use proto::v1::stream_pulses_response::Outcome;
use proto::v1::{
    BatchResult, Pulse, StreamPulsesRequest, StreamPulsesResponse, WritePulsesRequest, WritePulsesResponse,
};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Channel;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Status, Streaming};
use tonic_types::StatusExt;

/// A served edge and a connection to it.
struct Served {
    house: House,
    shutdown: CancellationToken,
    channel: Channel,
}

impl Served {
    async fn new(config: Config) -> Self {
        let (house, shutdown) = (House::new(), CancellationToken::new());
        let api = build(config, house.ports(), shutdown.clone(), house.tracker.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let routes = server().add_routes(guarded(api.grpc(Routes::default())));
        house
            .tracker
            .spawn(routes.serve_with_incoming_shutdown(incoming, shutdown.clone().cancelled_owned()));
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        Self { house, shutdown, channel }
    }

    fn ingest(&self) -> IngestServiceClient<Channel> {
        IngestServiceClient::new(self.channel.clone())
    }

    async fn write(&self, pulses: Vec<Pulse>) -> Result<BatchResult, Status> {
        let response = self.ingest().write_pulses(WritePulsesRequest { pulses }).await?;
        Ok(response.into_inner().result.unwrap())
    }

    async fn stream(&self) -> Stream {
        let (batches, requests) = mpsc::channel(64);
        let answers = self.ingest().stream_pulses(ReceiverStream::new(requests)).await.unwrap().into_inner();
        Stream { batches, answers }
    }
}

/// An open stream.
struct Stream {
    batches: mpsc::Sender<StreamPulsesRequest>,
    answers: Streaming<StreamPulsesResponse>,
}

impl Stream {
    async fn send(&self, batch_sequence: i64, pulses: Vec<Pulse>) {
        self.batches.send(StreamPulsesRequest { batch_sequence, pulses }).await.unwrap();
    }

    async fn next(&mut self) -> StreamPulsesResponse {
        self.answers.message().await.unwrap().unwrap()
    }

    /// The numbers of all further answers, and how the stream ended.
    async fn rest(mut self) -> (Vec<i64>, Result<(), Status>) {
        let mut sequences = Vec::new();
        loop {
            match self.answers.message().await {
                Ok(Some(answer)) => sequences.push(answer.batch_sequence),
                Ok(None) => break (sorted(sequences), Ok(())),
                Err(status) => break (sorted(sequences), Err(status)),
            }
        }
    }
}

fn sorted(mut sequences: Vec<i64>) -> Vec<i64> {
    sequences.sort_unstable();
    sequences
}

fn pulse(id: &str) -> Pulse {
    proto::pulse::to_wire(&raw(id))
}

fn result(answer: StreamPulsesResponse) -> BatchResult {
    match answer.outcome {
        Some(Outcome::Result(result)) => result,
        other => panic!("{other:?}"),
    }
}

fn not_taken(answer: StreamPulsesResponse) -> (String, bool) {
    match answer.outcome {
        Some(Outcome::NotTaken(not_taken)) => (not_taken.code, not_taken.retry_delay.is_some()),
        other => panic!("{other:?}"),
    }
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().unwrap().reason.clone()
}

#[tokio::test]
async fn a_call_counts_its_outcomes_and_names_what_it_minted() {
    let served = Served::new(Config::default()).await;
    served.write(vec![pulse("a-1")]).await.unwrap();
    let refused = proto::pulse::to_wire(&RawPulse { id: String::new(), sku: "no.such".into(), ..raw("") });
    let result = served.write(vec![pulse("a-1"), pulse(""), refused, pulse("a-2")]).await.unwrap();
    assert_eq!((result.accepted_count, result.duplicate_count), (2, 1));
    assert_eq!(result.received_time.unwrap().seconds, NOW.seconds());
    let rejection = &result.rejections[0];
    assert_eq!(
        (rejection.index, rejection.reason(), rejection.field.as_str()),
        (2, proto::v1::RejectReason::UnknownSku, "sku")
    );
    assert_eq!((result.minted_ids.len(), &result.minted_ids[1]), (2, &rejection.id));
    assert!(rejection.dead_letter_id.starts_with("20260131-1-"), "{}", rejection.dead_letter_id);
}

#[tokio::test]
async fn a_request_out_of_bounds_is_refused_with_code_and_field() {
    let served = Served::new(Config::default()).await;
    let large = proto::pulse::to_wire(&RawPulse { resource_id: "x".repeat(2_000), ..raw("a-1") });
    let cases = [
        (Vec::new(), "INVALID_ARGUMENT"),
        (vec![pulse("a-1"); 1_001], "TOO_LARGE"),
        (vec![large; 600], "TOO_LARGE"),
    ];
    for (pulses, code) in cases {
        let status = served.write(pulses).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, code));
        let details = status.get_error_details();
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, "pulses");
        assert!(details.retry_info().is_none());
    }
    assert!(served.house.kept().await.is_empty());
}

#[tokio::test]
async fn a_request_the_transport_cannot_take_is_refused_with_code_and_field() {
    let served = Served::new(Config::default()).await;
    let large = vec![proto::pulse::to_wire(&RawPulse { resource_id: "x".repeat(5_000), ..raw("a-1") }); 900];
    let many = vec![Pulse::default(); 20_000];
    let garbage = async |path| {
        let mut client = tonic::client::Grpc::new(served.channel.clone());
        client.ready().await.unwrap();
        // Its first field reads as a pulse that ends too early.
        let request =
            Request::new(UsageInfoRequest { tenant: "\n\u{7f}".into(), ..UsageInfoRequest::default() });
        let codec = BoundedCodec::<UsageInfoRequest, WritePulsesResponse>::default();
        client.unary(request, PathAndQuery::from_static(path), codec).await.map(drop).unwrap_err()
    };
    let cases = [
        (served.write(large.clone()).await.unwrap_err(), "TOO_LARGE"),
        (served.write(many).await.unwrap_err(), "TOO_LARGE"),
        (garbage("/pulse.v1.IngestService/WritePulses").await, "INVALID_ARGUMENT"),
    ];
    for (status, code) in cases {
        assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, code), "{status}");
        assert_eq!(status.get_error_details().bad_request().unwrap().field_violations[0].field, "request");
    }
    let stream = served.stream().await;
    stream.send(1, vec![pulse("a-1")]).await;
    stream.send(2, large).await;
    let (answered, end) = stream.rest().await;
    assert_eq!((answered, reason(&end.unwrap_err())), (vec![1], "TOO_LARGE".into()));
}

#[tokio::test]
async fn back_pressure_and_doubt_say_when_to_send_again() {
    let served = Served::new(Config::default()).await;
    let faults = [AppendFault::Overloaded, AppendFault::UnknownStored];
    served.house.log.memory.script_appends(faults.map(Some));
    for (code, name) in [(Code::ResourceExhausted, "OVERLOADED"), (Code::Unavailable, "UNAVAILABLE")] {
        let status = served.write(vec![pulse("a-1")]).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (code, name));
        assert!(status.get_error_details().retry_info().unwrap().retry_delay.is_some());
    }
}

#[tokio::test]
async fn the_first_service_takes_one_pulse_and_refuses_with_its_field() {
    let served = Served::new(Config::default()).await;
    let mut client = UsageServiceClient::new(served.channel.clone());
    let request = |sku: &str| UsageInfoRequest {
        tenant: "acme".into(),
        product_sku: sku.into(),
        used_amount: -3,
        use_unity: "KB".into(),
    };
    client.consume(request("llm.input")).await.unwrap();
    let status = client.consume(request("no.such")).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "UNKNOWN_SKU"));
    assert_eq!(status.get_error_details().bad_request().unwrap().field_violations[0].field, "sku");
    let kept = served.house.kept().await;
    let accepted = kept.iter().find_map(|(_, _, kept)| match kept {
        Kept::Accepted(raw) => Some(raw),
        _ => None,
    });
    let accepted = accepted.unwrap();
    assert_eq!((accepted.quantity.as_str(), accepted.unit.as_str()), ("-3", "kB"));
    assert_eq!(accepted.event_time.unwrap().seconds, NOW.seconds());
    assert_eq!(kept.len(), 2);
}

#[tokio::test]
async fn a_half_closed_stream_answers_everything_and_ends_well() {
    let served = Served::new(Config::default()).await;
    served.house.log.shut();
    let mut stream = served.stream().await;
    for sequence in [1, 5, 9] {
        stream.send(sequence, vec![pulse(&format!("a-{sequence}"))]).await;
    }
    stream.batches = mpsc::channel(1).0;
    tokio::time::sleep(Duration::from_millis(20)).await;
    served.house.log.open();
    let first = stream.next().await;
    let limits = first.limits.unwrap();
    assert_eq!((limits.max_batches_in_flight, limits.max_pulses_per_batch), (16, 1_000));
    let (rest, end) = stream.rest().await;
    assert!(end.is_ok());
    assert_eq!(sorted([vec![first.batch_sequence], rest].concat()), [1, 5, 9]);
}

#[tokio::test]
async fn a_batch_that_breaks_a_rule_is_not_taken_and_the_stream_goes_on() {
    let served = Served::new(Config::default()).await;
    let mut stream = served.stream().await;
    stream.send(1, Vec::new()).await;
    assert_eq!(not_taken(stream.next().await), ("INVALID_ARGUMENT".into(), false));
    stream.send(2, vec![pulse("a-1"); 1_001]).await;
    assert_eq!(not_taken(stream.next().await), ("TOO_LARGE".into(), false));
    served.house.log.memory.script_appends([Some(AppendFault::Overloaded)]);
    stream.send(3, vec![pulse("a-1")]).await;
    assert_eq!(not_taken(stream.next().await), ("OVERLOADED".into(), true));
    stream.send(4, vec![pulse("a-1"), pulse("")]).await;
    let result = result(stream.next().await);
    assert_eq!(
        (result.accepted_count, result.rejections[0].reason()),
        (1, proto::v1::RejectReason::InvalidId)
    );
}

#[tokio::test]
async fn batch_numbers_must_rise() {
    for bad in [0, 7] {
        let served = Served::new(Config::default()).await;
        let stream = served.stream().await;
        stream.send(7, vec![pulse("a-1")]).await;
        stream.send(bad, vec![pulse("a-2")]).await;
        let (answered, end) = stream.rest().await;
        let status = end.unwrap_err();
        assert_eq!((answered, status.code()), (vec![7], Code::InvalidArgument));
        assert_eq!(
            status.get_error_details().bad_request().unwrap().field_violations[0].field,
            "batch_sequence"
        );
    }
}

#[tokio::test]
async fn a_stream_is_read_only_up_to_its_limit() {
    let served = Served::new(Config { stream_batches_in_flight_max: 2, ..Config::default() }).await;
    served.house.log.shut();
    let stream = served.stream().await;
    for sequence in 1..=6 {
        stream.send(sequence, vec![pulse(&format!("a-{sequence}"))]).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    served.shutdown.cancel();
    tokio::time::sleep(Duration::from_millis(50)).await;
    served.house.log.open();
    let (answered, end) = stream.rest().await;
    assert_eq!((answered, end.unwrap_err().code()), (vec![1, 2], Code::Unavailable));
    assert_eq!(served.house.accepted_ids().await, ["a-1", "a-2"]);
}

#[tokio::test]
async fn a_stream_of_age_ends_with_everything_answered() {
    let served = Served::new(Config { max_connection_age_seconds: 1, ..Config::default() }).await;
    let stream = served.stream().await;
    stream.send(1, vec![pulse("a-1")]).await;
    let (answered, end) = stream.rest().await;
    let status = end.unwrap_err();
    assert_eq!((answered, status.code()), (vec![1], Code::Unavailable));
    assert!(status.get_error_details().retry_info().is_some());
}

#[tokio::test]
async fn after_the_shutdown_no_task_is_left() {
    let served = Served::new(Config::default()).await;
    let mut stream = served.stream().await;
    stream.send(1, vec![pulse("a-1")]).await;
    stream.next().await;
    served.shutdown.cancel();
    let (_, end) = stream.rest().await;
    assert_eq!(end.unwrap_err().code(), Code::Unavailable);
    drop(served.channel);
    served.house.tracker.close();
    tokio::time::timeout(Duration::from_secs(5), served.house.tracker.wait()).await.unwrap();
}
