//! Full load and more than that, for minutes: what gets through, what is refused, and how much memory is held.

use crate::Settings;
use crate::process::resident_bytes;
use crate::pulses::{Pulses, TENANTS, catalog};
use crate::server::{Home, settle};
use crate::streams::{Load, channel, drive, rate};
use crate::table::{Row, grouped, ratio};
use anyhow::{Context, bail};
use proto::v1;
use proto::v1::ingest_service_client::IngestServiceClient;
use std::ops::AddAssign;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use v1::stream_pulses_response::Outcome;

/// With 16 unanswered batches on each, three times as many pulses are under way as the edge takes.
const CONNECTIONS: u16 = 20;
const IN_FLIGHT: usize = 16;
const BATCH: usize = 1_000;
const MEBIBYTE: u64 = 1024 * 1024;
const RESIDENT_MAX: u64 = 512 * MEBIBYTE;
const SAMPLE: Duration = Duration::from_secs(1);

/// The rows.
pub fn rows(settings: &Settings) -> anyhow::Result<Vec<Row>> {
    let duration = Duration::from_secs(settings.minutes * 60);
    let home = Home::new()?;
    let server = home.start()?;
    server.apply(&catalog(TENANTS))?;
    let pid = server.pid();
    let watch = Watch::start(pid, duration);
    let full = drive(&server.grpc(), Load::full(duration))?;
    let steady = watch.end()?;
    let watch = Watch::start(pid, duration);
    let flooded = flood(&server.grpc(), duration)?;
    let flooding = watch.end()?;
    settle(&server)?;
    let pipeline = server.pipeline()?;
    let applied =
        pipeline["books"]["applied"].as_str().context("books tell what was applied")?.parse::<u64>()?;
    let kept =
        if applied == full.pulses + flooded.accepted { "nothing missing" } else { "**pulses are missing**" };
    let goodput = rate(flooded.accepted, duration);
    let minutes = settings.minutes;
    Ok(vec![
        Row::stated(format!("memory at full load, {minutes} min"), steady.text(), "")
            .aiming("≤ 512 MiB, flat", steady.is_flat() && steady.largest() <= RESIDENT_MAX),
        Row::stated(
            format!("flood with 3 × what the edge takes, {minutes} min"),
            format!(
                "{} pulses/s, {} of the peak; {} batches refused, {} without a hint; {kept}",
                grouped(goodput),
                ratio(goodput, full.rate()),
                grouped(flooded.refused),
                flooded.without_hint
            ),
            format!("peak {}", grouped(full.rate())),
        )
        .aiming("≥ 0.90 of the peak", goodput * 10 >= full.rate() * 9 && flooded.without_hint == 0),
        Row::stated(format!("memory in the flood, {minutes} min"), flooding.text(), "")
            .aiming("≤ 512 MiB, flat", flooding.is_flat() && flooding.largest() <= RESIDENT_MAX),
    ])
}

/// The memory of a process, once a second.
struct Watch(JoinHandle<anyhow::Result<Vec<u64>>>);

struct Resident(Vec<u64>);

impl Watch {
    fn start(pid: u32, duration: Duration) -> Self {
        let end = Instant::now() + duration;
        Self(thread::spawn(move || {
            let mut samples = Vec::new();
            while Instant::now() < end {
                thread::sleep(SAMPLE);
                samples.push(resident_bytes(pid)?);
            }
            Ok(samples)
        }))
    }

    fn end(self) -> anyhow::Result<Resident> {
        let samples = self.0.join().map_err(|_| anyhow::anyhow!("the watch panicked"))?;
        samples.map(Resident)
    }
}

impl Resident {
    fn largest(&self) -> u64 {
        self.0.iter().copied().max().unwrap_or(0)
    }

    /// The means of the second and of the last third: memory that grows shows here.
    fn thirds(&self) -> (u64, u64) {
        let third = (self.0.len() / 3).max(1);
        let mean = |samples: &[u64]| samples.iter().sum::<u64>() / (samples.len() as u64).max(1);
        let last = self.0.len().saturating_sub(third);
        (mean(&self.0[last.saturating_sub(third)..last]), mean(&self.0[last..]))
    }

    fn is_flat(&self) -> bool {
        let (middle, last) = self.thirds();
        last <= middle + middle / 20
    }

    fn text(&self) -> String {
        let (middle, last) = self.thirds();
        let (middle, last, largest) = (middle / MEBIBYTE, last / MEBIBYTE, self.largest() / MEBIBYTE);
        format!("at most {largest} MiB; second third {middle}, last third {last}")
    }
}

#[derive(Default)]
struct Flooded {
    accepted: u64,
    refused: u64,
    without_hint: u64,
}

impl AddAssign for Flooded {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.without_hint += other.without_hint;
    }
}

fn flood(address: &str, duration: Duration) -> anyhow::Result<Flooded> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let end = Instant::now() + duration;
        let mut streams = JoinSet::new();
        for maker in 0..CONNECTIONS {
            // Makers of the load before have the numbers below.
            streams.spawn(press(address.to_owned(), Pulses::new(100 + maker, TENANTS), end));
        }
        let mut all = Flooded::default();
        while let Some(flooded) = streams.join_next().await {
            all += flooded??;
        }
        Ok(all)
    })
}

/// One stream that always has as many batches under way as the server lets it; what is refused is given up.
async fn press(address: String, mut pulses: Pulses, end: Instant) -> anyhow::Result<Flooded> {
    let mut service = IngestServiceClient::new(channel(address).await?);
    let (batches, receiver) = mpsc::channel(IN_FLIGHT);
    let mut batch_sequence = 0;
    let mut next = || {
        batch_sequence += 1;
        v1::StreamPulsesRequest { batch_sequence, pulses: pulses.batch(BATCH) }
    };
    for _ in 0..IN_FLIGHT {
        batches.send(next()).await.context("the stream is gone")?;
    }
    let mut unanswered = IN_FLIGHT;
    let mut answers = service.stream_pulses(ReceiverStream::new(receiver)).await?.into_inner();
    let mut flooded = Flooded::default();
    while unanswered > 0 {
        match answers.message().await?.context("the server ended the stream")?.outcome {
            Some(Outcome::Result(result)) => {
                flooded.accepted += u64::from(result.accepted_count.unsigned_abs());
            }
            Some(Outcome::NotTaken(refusal)) => {
                flooded.refused += 1;
                flooded.without_hint += u64::from(refusal.retry_delay.is_none());
            }
            None => bail!("an answer without an outcome"),
        }
        unanswered -= 1;
        if Instant::now() < end {
            batches.send(next()).await.context("the stream is gone")?;
            unanswered += 1;
        }
    }
    Ok(flooded)
}
