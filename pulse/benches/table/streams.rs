//! Acknowledged durable pulses over streams, beside what disk and transport do by themselves.

use crate::Settings;
use crate::disk;
use crate::echo::Echo;
use crate::pulses::{Pulses, TENANTS, catalog};
use crate::server::Home;
use crate::table::{Row, grouped, ratio};
use anyhow::{Context, bail};
use proto::v1;
use proto::v1::ingest_service_client::IngestServiceClient;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;
use v1::stream_pulses_response::Outcome;

const CONNECTIONS: u16 = 4;
const IN_FLIGHT: usize = 8;
const BATCH: usize = 1_000;
const STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;

/// Pulses that were answered, and the time it took.
#[derive(Clone, Copy)]
pub struct Run {
    /// How many.
    pub pulses: u64,
    /// From the first one made to the last answer.
    pub elapsed: Duration,
}

impl Run {
    /// Pulses in a second.
    pub fn rate(self) -> u64 {
        rate(self.pulses, self.elapsed)
    }
}

/// How many in a second.
pub fn rate(count: u64, elapsed: Duration) -> u64 {
    let millionths = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1_000_000) / millionths
}

/// The rows.
pub fn rows(settings: &Settings) -> anyhow::Result<Vec<Row>> {
    let duration = Duration::from_secs(settings.seconds);
    let echo = Echo::start()?;
    let echoed = drive(&echo.grpc(), TENANTS, duration)?.rate();
    drop(echo);
    let home = Home::new()?;
    let server = home.start()?;
    server.apply(&catalog(TENANTS))?;
    let warm = drive(&server.grpc(), TENANTS, duration / 10)?;
    let run = drive(&server.grpc(), TENANTS, duration)?;
    server.kill()?;
    let ours = run.rate();
    let (appended, bytes) = append(&home, warm.pulses + run.pulses)?;
    let limit = appended.min(echoed);
    let beside = format!(
        "SQLite append {} ({bytes} bytes a pulse), tonic echo {}: {} of the smaller",
        grouped(appended),
        grouped(echoed),
        ratio(ours, limit)
    );
    let row = Row::stated("acknowledged durable pulses/s, streams of 1,000", grouped(ours), beside);
    Ok(vec![row.aiming("≥ 300,000 and ≥ 0.30 of the smaller", ours >= 300_000 && ours * 10 >= limit * 3)])
}

/// Pulses a second that the disk takes, and how many bytes one has.
fn append(home: &Home, pulses: u64) -> anyhow::Result<(u64, u64)> {
    let records = disk::records(&home.file("log.db"))?;
    let elapsed = disk::append(home.path(), &records)?;
    Ok((rate(pulses, elapsed), disk::bytes(&records) / pulses.max(1)))
}

/// Sends as fast as answers come, for that long.
pub fn drive(address: &str, tenants: u64, duration: Duration) -> anyhow::Result<Run> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let started = Instant::now();
        let mut streams = JoinSet::new();
        for maker in 0..CONNECTIONS {
            let pulses = Pulses::new(maker, tenants);
            streams.spawn(stream(address.to_owned(), pulses, started + duration));
        }
        let mut run = Run { pulses: 0, elapsed: Duration::ZERO };
        while let Some(answered) = streams.join_next().await {
            run.pulses += answered??;
        }
        run.elapsed = started.elapsed();
        Ok(run)
    })
}

/// One connection with one stream; every batch must be accepted whole.
async fn stream(address: String, mut pulses: Pulses, end: Instant) -> anyhow::Result<u64> {
    let endpoint = Endpoint::from_shared(address)?
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    let mut service = IngestServiceClient::new(endpoint.connect().await?);
    let (batches, receiver) = mpsc::channel(IN_FLIGHT);
    let mut batch_sequence = 0;
    let mut unanswered = 0;
    let mut accepted = 0;
    for _ in 0..IN_FLIGHT {
        batch_sequence += 1;
        unanswered += 1;
        let batch = v1::StreamPulsesRequest { batch_sequence, pulses: pulses.batch(BATCH) };
        batches.send(batch).await.context("the stream is gone")?;
    }
    let mut answers = service.stream_pulses(ReceiverStream::new(receiver)).await?.into_inner();
    while unanswered > 0 {
        let answer = answers.message().await?.context("the server ended the stream")?;
        let Some(Outcome::Result(v1::BatchResult { accepted_count, .. })) = answer.outcome else {
            bail!("a batch was not taken: {:?}", answer.outcome);
        };
        if usize::try_from(accepted_count)? != BATCH {
            bail!("of a batch only {accepted_count} pulses were accepted");
        }
        accepted += accepted_count.unsigned_abs();
        unanswered -= 1;
        if Instant::now() < end {
            batch_sequence += 1;
            unanswered += 1;
            let batch = v1::StreamPulsesRequest { batch_sequence, pulses: pulses.batch(BATCH) };
            batches.send(batch).await.context("the stream is gone")?;
        }
    }
    Ok(u64::from(accepted))
}
