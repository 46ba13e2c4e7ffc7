//! One pulse a call at 64 connections, beside a server that only answers.

use crate::Settings;
use crate::closed_loop::{self, Run};
use crate::echo::Echo;
use crate::process::{processor_row, processor_time};
use crate::pulses::{Pulses, TENANTS, catalog};
use crate::server::Home;
use crate::streams::channel;
use crate::table::Row;
use anyhow::{Context, bail};
use proto::v1;
use proto::v1::ingest_service_client::IngestServiceClient;
use std::time::{Duration, Instant};

const CONNECTIONS: u16 = 64;
const P99_MAX: Duration = Duration::from_millis(50);

/// The rows.
pub fn rows(settings: &Settings) -> anyhow::Result<Vec<Row>> {
    let duration = Duration::from_secs(settings.seconds);
    let echo = Echo::start()?;
    let echoed = drive(&echo.grpc(), duration)?;
    drop(echo);
    let home = Home::new()?;
    let server = home.start()?;
    server.apply(&catalog(TENANTS))?;
    drive(&server.grpc(), duration / 10)?;
    let before = processor_time(server.pid())?;
    let ours = drive(&server.grpc(), duration)?;
    let cost = processor_row(("gRPC call", ours.calls), server.pid(), before)?;
    let row = ours.row("unary gRPC calls/s, 64 connections", ("tonic unary echo", &echoed));
    let met = ours.rate * 10 >= echoed.rate * 6 && ours.latencies.at(99) < P99_MAX;
    Ok(vec![row.aiming("≥ 0.60 of the echo, p99 < 50 ms", met), cost])
}

fn drive(address: &str, duration: Duration) -> anyhow::Result<Run> {
    closed_loop::drive(CONNECTIONS, duration, |pulses, end| call(address.to_owned(), pulses, end))
}

/// One connection that calls again as soon as it is answered.
async fn call(address: String, mut pulses: Pulses, end: Instant) -> anyhow::Result<Vec<Duration>> {
    let mut service = IngestServiceClient::new(channel(address).await?);
    let mut latencies = Vec::new();
    while Instant::now() < end {
        let request = v1::WritePulsesRequest { pulses: pulses.batch(1) };
        let started = Instant::now();
        let answer = service.write_pulses(request).await?.into_inner();
        latencies.push(started.elapsed());
        let result = answer.result.context("an answer holds a result")?;
        if result.accepted_count != 1 {
            bail!("a pulse was not accepted: {:?}", result.rejections);
        }
    }
    Ok(latencies)
}
