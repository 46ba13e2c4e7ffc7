//! Acknowledged durable pulses over streams, beside what disk and transport do by themselves.

use crate::Settings;
use crate::disk;
use crate::echo::Echo;
use crate::process::{processor_row, processor_time};
use crate::pulses::{Pulses, TENANTS, catalog};
use crate::server::Home;
use crate::table::{Row, grouped, ratio};
use anyhow::{Context, bail};
use proto::v1;
use proto::v1::ingest_service_client::IngestServiceClient;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep_until;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use v1::stream_pulses_response::Outcome;

const CONNECTIONS: u16 = 4;
const IN_FLIGHT: usize = 8;
const BATCH: usize = 1_000;
const STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;

/// What is sent.
#[derive(Clone, Copy)]
pub struct Load {
    /// How many tenants report.
    pub tenants: u64,
    /// For how long.
    pub duration: Duration,
    /// Pulses in a second; `None`: as many as are answered.
    pub rate: Option<u64>,
}

impl Load {
    /// As fast as answers come, for that long.
    pub fn full(duration: Duration) -> Self {
        Self { tenants: TENANTS, duration, rate: None }
    }

    /// Between two batches of a stream.
    fn pace(self) -> Option<Duration> {
        let per_stream = self.rate? / u64::from(CONNECTIONS);
        Some(Duration::from_micros(BATCH as u64 * 1_000_000 / per_stream.max(1)))
    }
}

/// Pulses that were answered, and the time it took.
pub struct Run {
    /// How many.
    pub pulses: u64,
    /// From the first one made to the last answer.
    pub elapsed: Duration,
    /// From the moment a batch was due to its answer.
    pub answers: Vec<Duration>,
}

impl Run {
    /// Pulses in a second.
    pub fn rate(&self) -> u64 {
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
    let echoed = drive(&echo.grpc(), Load::full(duration))?.rate();
    drop(echo);
    let home = Home::new()?;
    let server = home.start()?;
    server.apply(&catalog(TENANTS))?;
    let warm = drive(&server.grpc(), Load::full(duration / 10))?;
    let before = processor_time(server.pid())?;
    let run = drive(&server.grpc(), Load::full(duration))?;
    let cost = processor_row(("pulse", run.pulses), server.pid(), before)?;
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
    let met = ours >= 300_000 && ours * 10 >= limit * 3;
    Ok(vec![row.aiming("≥ 300,000 and ≥ 0.30 of the smaller", met), cost])
}

/// Pulses a second that the disk takes, and how many bytes one has.
fn append(home: &Home, pulses: u64) -> anyhow::Result<(u64, u64)> {
    let records = disk::records(&home.file("log.db"))?;
    let elapsed = disk::append(home.path(), &records)?;
    Ok((rate(pulses, elapsed), disk::bytes(&records) / pulses.max(1)))
}

/// Sends a load over several streams.
pub fn drive(address: &str, load: Load) -> anyhow::Result<Run> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let started = Instant::now();
        let mut streams = JoinSet::new();
        for maker in 0..CONNECTIONS {
            let sender = Sender::new(Pulses::new(maker, load.tenants), load.pace());
            streams.spawn(sender.run(address.to_owned(), started + load.duration));
        }
        let mut run = Run { pulses: 0, elapsed: Duration::ZERO, answers: Vec::new() };
        while let Some(answered) = streams.join_next().await {
            let answers = answered??;
            run.pulses += (answers.len() * BATCH) as u64;
            run.answers.extend(answers);
        }
        run.elapsed = started.elapsed();
        Ok(run)
    })
}

/// Sends these pulses, whatever they are; all must be accepted.
pub fn write(address: &str, pulses: Vec<v1::Pulse>) -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let service = IngestServiceClient::new(channel(address.to_owned()).await?);
        let mut calls = JoinSet::new();
        let mut pulses = pulses.into_iter().peekable();
        while pulses.peek().is_some() {
            let pulses: Vec<v1::Pulse> = pulses.by_ref().take(BATCH).collect();
            calls.spawn(write_batch(service.clone(), pulses));
            if calls.len() >= IN_FLIGHT {
                calls.join_next().await.transpose()?.transpose()?;
            }
        }
        while let Some(written) = calls.join_next().await {
            written??;
        }
        Ok(())
    })
}

async fn write_batch(
    mut service: IngestServiceClient<Channel>,
    pulses: Vec<v1::Pulse>,
) -> anyhow::Result<()> {
    let answer = service.write_pulses(v1::WritePulsesRequest { pulses }).await?.into_inner();
    let rejections = answer.result.context("an answer holds a result")?.rejections;
    if let Some(rejected) = rejections.first() {
        bail!("a pulse was rejected: {}", rejected.message);
    }
    Ok(())
}

/// A connection of its own.
pub async fn channel(address: String) -> anyhow::Result<Channel> {
    let endpoint = Endpoint::from_shared(address)?
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    endpoint.connect().await.context("connecting")
}

/// One connection with one stream; every batch must be accepted whole.
struct Sender {
    pulses: Pulses,
    pace: Option<Duration>,
    next: Instant,
    batch_sequence: i64,
    /// When each batch without an answer was due.
    unanswered: HashMap<i64, Instant>,
    answers: Vec<Duration>,
}

impl Sender {
    fn new(pulses: Pulses, pace: Option<Duration>) -> Self {
        let (unanswered, answers) = (HashMap::new(), Vec::new());
        Self { pulses, pace, next: Instant::now(), batch_sequence: 0, unanswered, answers }
    }

    async fn run(mut self, address: String, end: Instant) -> anyhow::Result<Vec<Duration>> {
        let mut service = IngestServiceClient::new(channel(address).await?);
        let (batches, receiver) = mpsc::channel(IN_FLIGHT);
        self.send(&batches).await?;
        let mut answers = service.stream_pulses(ReceiverStream::new(receiver)).await?.into_inner();
        while !self.unanswered.is_empty() || Instant::now() < end {
            let room = self.unanswered.len() < IN_FLIGHT && Instant::now() < end;
            tokio::select! {
                () = sleep_until(self.next.into()), if room => self.send(&batches).await?,
                answer = answers.message() => self.take(&answer?.context("the server ended the stream")?)?,
            }
        }
        Ok(self.answers)
    }

    async fn send(&mut self, batches: &mpsc::Sender<v1::StreamPulsesRequest>) -> anyhow::Result<()> {
        self.batch_sequence += 1;
        self.unanswered.insert(self.batch_sequence, self.pace.map_or_else(Instant::now, |_| self.next));
        self.next = self.pace.map_or(self.next, |pace| self.next + pace);
        let pulses = self.pulses.batch(BATCH);
        let batch = v1::StreamPulsesRequest { batch_sequence: self.batch_sequence, pulses };
        batches.send(batch).await.context("the stream is gone")
    }

    fn take(&mut self, answer: &v1::StreamPulsesResponse) -> anyhow::Result<()> {
        let Some(Outcome::Result(v1::BatchResult { accepted_count, .. })) = &answer.outcome else {
            bail!("a batch was not taken: {:?}", answer.outcome);
        };
        if usize::try_from(*accepted_count)? != BATCH {
            bail!("of a batch only {accepted_count} pulses were accepted");
        }
        let due = self.unanswered.remove(&answer.batch_sequence).context("an answer to no batch")?;
        self.answers.push(due.elapsed());
        Ok(())
    }
}
