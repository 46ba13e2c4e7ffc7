//! How long questions take, beside reading the same cells from the file alone.

use crate::Settings;
use crate::http::Connection;
use crate::percentile::{Percentiles, milliseconds};
use crate::pulses::{Pulses, catalog, sku_id, tenant_id};
use crate::server::{Home, Server, settle};
use crate::streams::write;
use crate::table::Row;
use anyhow::Context;
use domain::port::Clock;
use domain::time::Timestamp;
use proto::v1;
use pulse::system_clock::SystemClock;
use rusqlite::Connection as File;
use serde_json::Value;
use std::time::{Duration, Instant};

const HOUR_SECONDS: i64 = 3_600;
const QUESTIONS: usize = 300;

/// What is asked: usage of a tenant with so many SKUs in each of so many hours.
struct Case {
    what: &'static str,
    tenant: u64,
    skus: u64,
    hours: i64,
    question: &'static str,
    p99_max: Duration,
}

const CASES: [Case; 2] = [
    Case {
        what: "query: a tenant's month by day",
        tenant: 0,
        skus: 10,
        hours: 30 * 24,
        question: "window=P1D&page_size=1000",
        p99_max: Duration::from_millis(10),
    },
    Case {
        what: "query: 100 SKUs by hour of a day",
        tenant: 1,
        skus: 100,
        hours: 24,
        question: "window=PT1H&group_by=sku&page_size=1000",
        p99_max: Duration::from_millis(50),
    },
];

/// The rows.
pub fn rows(_: &Settings) -> anyhow::Result<Vec<Row>> {
    let home = Home::new()?;
    let server = home.start()?;
    server.apply(&catalog(2))?;
    let end = Timestamp::from_seconds(SystemClock.now().seconds().div_euclid(HOUR_SECONDS) * HOUR_SECONDS);
    for case in &CASES {
        write(&server.grpc(), case.pulses(end))?;
    }
    settle(&server)?;
    CASES.iter().map(|case| case.row(&home, &server, end)).collect()
}

impl Case {
    fn pulses(&self, end: Timestamp) -> Vec<v1::Pulse> {
        let mut made = Pulses::new(u16::MAX, 2);
        let mut pulses = Vec::new();
        for hour in 1..=self.hours {
            for sku in 0..self.skus {
                let time = prost_types::Timestamp { seconds: end.seconds() - hour * HOUR_SECONDS, nanos: 0 };
                pulses.push(v1::Pulse {
                    id: made.id(),
                    tenant: tenant_id(self.tenant),
                    sku: sku_id(sku),
                    event_time: Some(time),
                    ..made.pulse()
                });
            }
        }
        pulses
    }

    fn row(&self, home: &Home, server: &Server, end: Timestamp) -> anyhow::Result<Row> {
        let asked = tokio::runtime::Runtime::new()?.block_on(self.ask(server, end))?;
        let raw = self.read(home, end)?;
        let row = Row::stated(
            self.what,
            asked.text(),
            format!("SQLite read of the same {} cells p99 {}", raw.1, milliseconds(raw.0.at(99))),
        );
        Ok(row.aiming(format!("p99 ≤ {}", milliseconds(self.p99_max)), asked.at(99) <= self.p99_max))
    }

    fn start(&self, end: Timestamp) -> Timestamp {
        end.plus_seconds(-self.hours * HOUR_SECONDS)
    }

    /// Asks again and again, all pages each time.
    async fn ask(&self, server: &Server, end: Timestamp) -> anyhow::Result<Percentiles> {
        let mut connection = Connection::open(server.ready.http).await?;
        let (tenant, from, question) = (tenant_id(self.tenant), self.start(end), self.question);
        let first = format!("/v1/usage?tenant={tenant}&from={from}&to={end}&{question}");
        let mut latencies = Vec::new();
        for _ in 0..QUESTIONS {
            let started = Instant::now();
            let mut path = first.clone();
            loop {
                let page: Value = serde_json::from_str(connection.read(&path).await?)?;
                let Some(token) = page["next_page_token"].as_str() else { break };
                path = format!("{first}&page_token={token}");
            }
            latencies.push(started.elapsed());
        }
        Ok(latencies.into())
    }

    /// Reads the tenant's cells from the file, a query a day as the key asks for; answers how many there are, too.
    fn read(&self, home: &Home, end: Timestamp) -> anyhow::Result<(Percentiles, usize)> {
        let file = File::open(home.file("store.db"))?;
        let (mut latencies, mut cells) = (Vec::new(), 0);
        for _ in 0..QUESTIONS {
            let started = Instant::now();
            cells = 0;
            for day in 0..=self.hours / 24 {
                let day = self.start(end).plus_seconds(day * 24 * HOUR_SECONDS).to_string();
                cells += read_day(&file, &tenant_id(self.tenant), &day[..10])?;
            }
            latencies.push(started.elapsed());
        }
        Ok((latencies.into(), cells))
    }
}

fn read_day(file: &File, tenant: &str, day: &str) -> anyhow::Result<usize> {
    let mut select = file.prepare_cached("SELECT value FROM aggregate WHERE tenant = ?1 AND day = ?2")?;
    let values = select.query_map((tenant, day), |row| row.get::<_, Vec<u8>>(0))?;
    let values: Vec<Vec<u8>> = values.collect::<Result<_, _>>().context("reading cells")?;
    Ok(values.len())
}
