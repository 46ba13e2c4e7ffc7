//! Cells a second through our store, and rows a second of the driver by itself.

use super::site::Site;
use crate::Settings;
use crate::streams::rate;
use crate::table::{Row, grouped, ratio};
use anyhow::Context;
use backends::scylla::{ScyllaOptions, ScyllaStore};
use domain::aggregate::partition_key;
use domain::port::CellStore;
use domain::table::{AGGREGATE, Cell, CellKey, KeyValue};
use futures::stream::{self, StreamExt, TryStreamExt};
use pulse::system_clock::SystemClock;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::statement::Consistency;
use scylla::statement::prepared::PreparedStatement;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// As many as are live, each written once in a round, as in a flush.
const ROWS: i64 = 2_000;
const TENANTS: i64 = 200;
/// About what a row's cell has.
const VALUE_BYTES: usize = 120;
/// Statements under way at a time.
const REQUESTS: usize = 64;

/// The row.
pub fn row(site: &Site, settings: &Settings) -> anyhow::Result<Row> {
    let duration = Duration::from_secs(settings.seconds) / 2;
    let (ours, raw) = tokio::runtime::Runtime::new()?.block_on(async {
        let raw = Raw::new(site).await?;
        anyhow::Ok((ours(site, duration).await?, raw.run(duration).await?))
    })?;
    let beside = format!("a statement a row by the driver {}: {}", grouped(raw), ratio(ours, raw));
    Ok(Row::stated("cells written to the CQL server, per second", grouped(ours), beside))
}

async fn ours(site: &Site, duration: Duration) -> anyhow::Result<u64> {
    let options = ScyllaOptions {
        nodes: site.nodes(),
        keyspace: site.keyspace().to_owned(),
        ..ScyllaOptions::default()
    };
    let store = ScyllaStore::open(options, Arc::new(SystemClock)).await?;
    let (started, mut round) = (Instant::now(), 0);
    while started.elapsed() < duration {
        round += 1;
        store.write((0..ROWS).map(|row| cell(row, round)).collect()).await?;
    }
    Ok(rate(u64::try_from(round * ROWS)?, started.elapsed()))
}

fn cell(row: i64, round: i64) -> Cell {
    let tenant = format!("driver-{:03}", row % TENANTS);
    let texts = [format!("sku-{}", row / TENANTS), "token".to_owned(), String::new()];
    let mut clustering: Vec<KeyValue> = texts.iter().map(|text| KeyValue::text(text)).collect();
    clustering.extend([KeyValue::Timestamp(0), KeyValue::text(""), KeyValue::Int(1), KeyValue::Int(0)]);
    let key = CellKey::new(&AGGREGATE, partition_key(&tenant, 0), clustering);
    Cell { key, timestamp: round, value: vec![7; VALUE_BYTES].into() }
}

/// A table like that of the rows, and a statement that writes one.
struct Raw {
    session: Session,
    insert: PreparedStatement,
}

impl Raw {
    async fn new(site: &Site) -> anyhow::Result<Self> {
        let session = SessionBuilder::new().known_nodes(site.nodes()).build().await?;
        let table = format!("{}.raw", site.keyspace());
        let columns = "tenant text, sku text, row bigint, value blob, PRIMARY KEY ((tenant), sku, row)";
        session.query_unpaged(format!("CREATE TABLE {table} ({columns})"), ()).await?;
        let insert =
            format!("INSERT INTO {table} (tenant, sku, row, value) VALUES (?, ?, ?, ?) USING TIMESTAMP ?");
        let mut insert = session.prepare(insert).await.context("preparing the raw statement")?;
        insert.set_consistency(Consistency::Quorum);
        Ok(Self { session, insert })
    }

    async fn run(&self, duration: Duration) -> anyhow::Result<u64> {
        let (started, mut round) = (Instant::now(), 0);
        while started.elapsed() < duration {
            round += 1;
            stream::iter(0..ROWS)
                .map(|row| self.write(row, round))
                .buffer_unordered(REQUESTS)
                .try_collect::<()>()
                .await?;
        }
        Ok(rate(u64::try_from(round * ROWS)?, started.elapsed()))
    }

    async fn write(&self, row: i64, round: i64) -> anyhow::Result<()> {
        let (tenant, sku) = (format!("driver-{:03}", row % TENANTS), format!("sku-{}", row / TENANTS));
        let values = (tenant, sku, row, vec![7_u8; VALUE_BYTES], round);
        self.session.execute_unpaged(&self.insert, values).await.map(drop).context("writing a raw row")
    }
}
