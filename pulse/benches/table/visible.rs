//! From the acknowledgement of a pulse to the first answer that holds it, at half of the full load.

use crate::Settings;
use crate::http::Connection;
use crate::percentile::Percentiles;
use crate::pulses::{Pulses, TENANTS, catalog, tenant_id};
use crate::server::Home;
use crate::streams::{Load, channel, drive};
use crate::table::{Row, grouped};
use anyhow::{Context, bail};
use proto::v1;
use proto::v1::ingest_service_client::IngestServiceClient;
use serde_json::Value;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Tenants beside the load's, each with one pulse under way at a time.
pub const PROBES: u64 = 8;
/// How often the embedded server is asked.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
const P99_MAX: Duration = Duration::from_secs(2);
const GIVE_UP: Duration = Duration::from_secs(60);

/// The row.
pub fn rows(settings: &Settings) -> anyhow::Result<Vec<Row>> {
    let duration = Duration::from_secs(settings.seconds);
    let home = Home::new()?;
    let server = home.start()?;
    server.apply(&catalog(TENANTS + PROBES))?;
    let half = drive(&server.grpc(), Load::full(duration / 2))?.rate() / 2;
    let load = Load { rate: Some(half), ..Load::full(duration * 2) };
    let (grpc, http) = (server.grpc(), server.ready.http);
    let address = grpc.clone();
    let driver = thread::spawn(move || drive(&address, load));
    let looking = Looking { first: TENANTS, again: LOOK_AGAIN, duration: duration * 2 };
    let seen = probe(&grpc, http, looking)?;
    let reached = driver.join().map_err(|_| anyhow::anyhow!("the load panicked"))??.rate();
    let row = Row::stated(
        "acknowledgement to query at half load",
        format!("{} at {} pulses/s", seen.text(), grouped(reached)),
        "flush interval 1000 ms",
    );
    Ok(vec![row.aiming("p99 ≤ 2 s", seen.at(99) <= P99_MAX)])
}

/// How probes look for what they sent.
#[derive(Clone, Copy)]
pub struct Looking {
    /// Their tenants are those from this one on.
    pub first: u64,
    /// Between two questions, which cost the engines too.
    pub again: Duration,
    /// How long they go on.
    pub duration: Duration,
}

/// From the acknowledgement of pulses to the answer that holds them.
pub fn probe(grpc: &str, http: SocketAddr, looking: Looking) -> anyhow::Result<Percentiles> {
    let Looking { first, again, duration } = looking;
    tokio::runtime::Runtime::new()?.block_on(async {
        let end = Instant::now() + duration;
        let mut probes = JoinSet::new();
        for tenant in first..first + PROBES {
            probes.spawn(send_and_look((grpc.to_owned(), http), tenant, again, end));
        }
        let mut seen = Vec::new();
        while let Some(took) = probes.join_next().await {
            seen.extend(took??);
        }
        Ok(seen.into())
    })
}

/// One pulse after the other, each looked for until it is counted.
async fn send_and_look(
    (grpc, http): (String, SocketAddr),
    tenant: u64,
    again: Duration,
    end: Instant,
) -> anyhow::Result<Vec<Duration>> {
    let mut service = IngestServiceClient::new(channel(grpc).await?);
    let mut connection = Connection::open(http).await?;
    let mut pulses = Pulses::new(u16::try_from(tenant)?, TENANTS);
    let path = format!("/v1/usage?tenant={}&from=-24h", tenant_id(tenant));
    let mut seen = Vec::new();
    while Instant::now() < end {
        let mut batch = pulses.batch(1);
        batch[0].tenant = tenant_id(tenant);
        service.write_pulses(v1::WritePulsesRequest { pulses: batch }).await?;
        let acknowledged = Instant::now();
        while count(connection.read(&path).await?)? <= seen.len() as u64 {
            if acknowledged.elapsed() > GIVE_UP {
                bail!("a pulse was not counted within {GIVE_UP:?}");
            }
            tokio::time::sleep(again).await;
        }
        seen.push(acknowledged.elapsed());
    }
    Ok(seen)
}

fn count(answer: &str) -> anyhow::Result<u64> {
    let answer: Value = serde_json::from_str(answer)?;
    let items = answer["items"].as_array().context("an answer has items")?;
    items.iter().map(|item| Ok(item["count"].as_str().context("an item has a count")?.parse::<u64>()?)).sum()
}
