//! Engines that are away: what senders are told meanwhile, what is held in memory, and that all goes on.

use super::super::acknowledged;
use super::cast::{Cast, Role};
use super::instance;
use domain::port::Clock;
use futures::future::join_all;
use proto::v1::ingest_service_client::IngestServiceClient;
use proto::v1::{Pulse, WritePulsesRequest};
use pulse::system_clock::SystemClock;
use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::runtime::Runtime;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// Calls at the same time, and pulses in each.
const CALLS: usize = 24;
const PULSES: usize = 500;
/// Room in an edge for three of them.
const IN_FLIGHT_BYTES_MAX: &str = "2100000";
/// What a process may grow by in any case.
const GROWTH_BYTES_MAX: u64 = 64 << 20;
/// What consumers may grow by while twelve thousand pulses wait, which would take three times as much.
const HELD_GROWTH_BYTES_MAX: i64 = 256 << 10;

/// Calls that are made at the same time, by number.
struct Flood(Vec<Vec<Pulse>>);

impl Flood {
    fn new(name: &str) -> Self {
        let seconds = SystemClock.now().seconds();
        let pulse = |call: usize, index: usize| Pulse {
            id: format!("{name}-{call}-{index}"),
            tenant: "acme".to_owned(),
            sku: "llm.input".to_owned(),
            quantity: format!("{index}.125"),
            unit: "token".to_owned(),
            event_time: Some(prost_types::Timestamp { seconds, nanos: 0 }),
            ..Pulse::default()
        };
        Self((0..CALLS).map(|call| (0..PULSES).map(|index| pulse(call, index)).collect()).collect())
    }

    /// Sends all; what was answered to each.
    fn send(&self, edge: SocketAddr) -> Vec<Result<(), Box<Status>>> {
        let calls = self.0.iter().map(|pulses| write(edge, pulses.clone()));
        Runtime::new().unwrap().block_on(join_all(calls))
    }

    /// Sends each again until it is acknowledged, and writes that down as the client does.
    fn deliver(&self, edge: SocketAddr, told: &Path) {
        let mut file = File::options().append(true).open(told).unwrap();
        let runtime = Runtime::new().unwrap();
        for pulses in &self.0 {
            while let Err(status) = runtime.block_on(write(edge, pulses.clone())) {
                assert!(says_when(&status), "{status}");
                std::thread::sleep(Duration::from_millis(200));
            }
            for Pulse { tenant, sku, id, quantity, event_time, .. } in pulses {
                let seconds = event_time.unwrap().seconds;
                writeln!(file, "{tenant},{sku},{seconds},{id},{quantity}").unwrap();
            }
        }
    }
}

async fn write(edge: SocketAddr, pulses: Vec<Pulse>) -> Result<(), Box<Status>> {
    let connected = IngestServiceClient::connect(format!("http://{edge}")).await;
    let mut client = connected.map_err(|error| Box::new(Status::unavailable(error.to_string())))?;
    let result = client.write_pulses(WritePulsesRequest { pulses }).await?.into_inner().result.unwrap();
    assert!(result.rejections.is_empty(), "{result:?}");
    Ok(())
}

/// Whether a refusal is one that passes, and names the time to come again.
fn says_when(status: &Status) -> bool {
    let hint = status.get_error_details().retry_info().and_then(|info| info.retry_delay);
    matches!(status.code(), Code::Unavailable | Code::ResourceExhausted) && hint.is_some()
}

#[test]
fn without_the_broker_nothing_is_acknowledged_and_senders_are_told_when_to_come_again() {
    let Some(engines) = instance::lease() else { return };
    let house = engines.house().with("PULSE_INGESTOR_API__IN_FLIGHT_BYTES_MAX", IN_FLIGHT_BYTES_MAX);
    let mut cast = Cast::begin(&house, 21);
    cast.tend(Duration::from_secs(2));
    let edge = cast.pick(Role::Edge);
    let flood = Flood::new("broker");
    engines.succeed(&["kill", "kafka"]);
    nothing_is_taken(&mut cast, edge, &flood);
    engines.succeed(&["up", "kafka"]);
    let told = cast.acknowledged();
    cast.tend_until("acknowledgements", |cast| cast.acknowledged() > told);
    let grpc = cast.grpc(edge);
    let (query, told) = cast.settle();
    flood.deliver(grpc, &told);
    query.settle();
    let tally = acknowledged::check(&query, &told).unwrap_or_else(|fault| panic!("{fault}"));
    eprintln!("without the broker: {tally}");
    assert!(tally.distinct > (CALLS * PULSES) as u64, "{tally}");
}

/// Each call is refused or of unknown outcome, the client is told nothing, and memory does not grow with what is asked.
fn nothing_is_taken(cast: &mut Cast, edge: usize, flood: &Flood) {
    cast.tend(Duration::from_secs(1));
    let (told, held) = (cast.acknowledged(), cast.resident_bytes(edge));
    let answers = flood.send(cast.grpc(edge));
    let refusals: Vec<Status> =
        answers.into_iter().map(|answer| *answer.expect_err("no broker has it")).collect();
    let odd = refusals.iter().find(|status| !says_when(status));
    assert!(odd.is_none(), "{odd:?}");
    for code in [Code::Unavailable, Code::ResourceExhausted] {
        assert!(refusals.iter().any(|status| status.code() == code), "some have room, others do not: {code}");
    }
    assert_eq!(cast.acknowledged(), told);
    let grown = cast.resident_bytes(edge).saturating_sub(held);
    assert!(grown < GROWTH_BYTES_MAX, "the edge grew by {grown} bytes");
    cast.tend(Duration::from_millis(100));
}

#[test]
fn without_the_store_pulses_are_acknowledged_and_the_consumer_waits_within_its_bound() {
    let Some(engines) = instance::lease() else { return };
    let house = engines.house();
    let house = house.with("PULSE_INGESTOR_CONSUMER__FLUSH_BYTES", "65536");
    let house = house.with("PULSE_INGESTOR_CONSUMER__READ_BYTES", "65536");
    let mut cast = Cast::begin(&house, 22);
    cast.tend(Duration::from_secs(2));
    let edge = cast.pick(Role::Edge);
    let floods = [Flood::new("first"), Flood::new("second")];
    engines.succeed(&["kill", "cassandra"]);
    let mut seen = Vec::new();
    for flood in &floods {
        assert!(flood.send(cast.grpc(edge)).iter().all(Result::is_ok), "the edge needs no store");
        cast.tend(Duration::from_secs(3));
        let sum = |metric: &str| cast.of_consumers(metric).iter().sum::<i64>();
        seen.push(["memory_bytes", "lag_records"].map(sum));
        assert_eq!(cast.of_consumers("dead_letters_total"), [0; 0]);
    }
    let [held, waiting] = [0, 1].map(|index| seen[1][index] - seen[0][index]);
    assert!(waiting > 0, "more waits in the log: {seen:?}");
    assert!(held < HELD_GROWTH_BYTES_MAX, "and not in memory: {seen:?}");
    engines.succeed(&["up", "cassandra"]);
    let grpc = cast.grpc(edge);
    let (query, told) = cast.settle();
    for flood in &floods {
        flood.deliver(grpc, &told);
    }
    query.settle();
    let tally = acknowledged::check(&query, &told).unwrap_or_else(|fault| panic!("{fault}"));
    eprintln!("without the store, consumers held {seen:?} bytes and records behind: {tally}");
    assert!(tally.distinct > 2 * (CALLS * PULSES) as u64, "{tally}");
}
