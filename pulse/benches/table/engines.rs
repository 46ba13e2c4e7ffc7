//! `make bench-engines`: the roles on Kafka and a CQL server, beside what the clients of both do by themselves.
//!
//! One backlog is sent, read and written again raw, counted by one consumer and by two, and at last pulses come at a
//! steady rate. Engines, roles and clients share this machine.

mod driver;
mod raw;
mod site;

use crate::Settings;
use crate::percentile::{Percentiles, milliseconds};
use crate::process::{machine_time, processor_time};
use crate::pulses::catalog;
use crate::server::{self, Server};
use crate::streams::{Load, drive, rate};
use crate::table::{Row, grouped, ratio};
use crate::visible::{self, Looking};
use site::Site;
use std::num::NonZero;
use std::thread;
use std::time::{Duration, Instant};

/// With ten SKUs each, two thousand rows are live.
const TENANTS: u64 = 200;
const STEADY_RATE: u64 = 20_000;
const STEADY_ACK_P99_MAX: Duration = Duration::from_millis(100);
const STEADY_SEEN_P99_MAX: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Of eight probes: more often and their questions are what the engines are busy with.
const LOOK_FOR_PULSES_AGAIN: Duration = Duration::from_millis(100);
/// What consumers tell of themselves.
const COUNTED: &str = "pulse_ingestor_consumer_pulses_total";
const CELLS_WRITTEN: &str = "pulse_backends_cql_cells_total{call=\"write\"";

/// The rows.
pub fn rows(settings: &Settings) -> anyhow::Result<Vec<Row>> {
    let site = Site::find("a")?;
    let catalogue = site.start("catalog")?;
    catalogue.apply(&catalog(TENANTS + visible::PROBES))?;
    let (backlog, taken) = fill(&site, settings)?;
    let topic = site.pulses();
    let consumed = raw::consume(site.brokers(), &topic)?;
    let produced = raw::produce(site.brokers(), &topic, &site.name("raw"))?;
    let (consumed, produced) = (rate(backlog, consumed), rate(backlog, produced));
    let one = count(&site, backlog, 1)?;
    let second = site.with_store_of_its_own("b")?;
    let two = count(&second, backlog, 2)?;
    drop(second);
    let mut rows = vec![
        Row::stated(
            "ingest on Kafka, pulses/s",
            grouped(taken),
            format!("raw produce of the same records {}: {}", grouped(produced), ratio(taken, produced)),
        )
        .aiming("≥ 0.80 of raw", taken * 10 >= produced * 8),
        Row::stated(
            format!("consumer on Kafka and CQL, pulses/s, a backlog of {}", grouped(backlog)),
            grouped(one.rate),
            format!("raw consume of the same records {}: {}", grouped(consumed), ratio(one.rate, consumed)),
        )
        .aiming("≥ 0.60 of raw", one.rate * 10 >= consumed * 6),
        Row::stated("two consumers, pulses/s", grouped(two.rate), beside_one(&one, &two))
            .aiming("≥ 1.50 of one, where cores allow", two.rate * 10 >= one.rate * 15),
    ];
    rows.extend(steady(&site, settings)?);
    rows.push(driver::row(&site, settings)?);
    Ok(rows)
}

/// Sends until the backlog is there; how many pulses that are, and how many came in a second.
fn fill(site: &Site, settings: &Settings) -> anyhow::Result<(u64, u64)> {
    let edge = site.start("ingestor-api")?;
    let load = Load { tenants: TENANTS, ..Load::full(Duration::from_secs(settings.seconds)) };
    let warm = drive(&edge.grpc(), Load { duration: load.duration / 10, ..load })?;
    let run = drive(&edge.grpc(), load)?;
    let mut backlog = warm.pulses + run.pulses;
    while backlog < settings.backlog_pulses {
        backlog += drive(&edge.grpc(), load)?.pulses;
    }
    edge.stop()?;
    Ok((backlog, run.rate()))
}

/// What consumers did from the first pulse that was counted to the last.
struct Counted {
    rate: u64,
    elapsed: Duration,
    /// Processor time of the consumers.
    consumers: Duration,
    /// Processor time of the machine: theirs, the engines' and the measuring.
    machine: Duration,
}

impl Counted {
    /// How many cores such a time kept busy.
    fn cores(&self, time: Duration) -> String {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        ratio(millis(time), millis(self.elapsed))
    }
}

/// Two beside one, and what one left for another.
fn beside_one(one: &Counted, two: &Counted) -> String {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    format!(
        "{} of one, which kept {} of {cores} cores busy, {} of them itself; two kept {} busy, {} themselves",
        ratio(two.rate, one.rate),
        one.cores(one.machine),
        one.cores(one.consumers),
        two.cores(two.machine),
        two.cores(two.consumers)
    )
}

fn count(site: &Site, backlog: u64, consumers: usize) -> anyhow::Result<Counted> {
    let consumers: Vec<Server> =
        (0..consumers).map(|_| site.start("ingestor-consumer")).collect::<anyhow::Result<_>>()?;
    let times = || -> anyhow::Result<_> {
        let of_consumers: anyhow::Result<Duration> =
            consumers.iter().map(|consumer| processor_time(consumer.pid())).sum();
        Ok((of_consumers?, machine_time()?, Instant::now()))
    };
    let (first, before) = server::wait("a first pulse that is counted", || {
        let counted = sum(&consumers, COUNTED)?;
        Ok((counted > 0).then_some((counted, times()?)))
    })?;
    while sum(&consumers, COUNTED)? < backlog {
        thread::sleep(LOOK_AGAIN);
    }
    let after = times()?;
    let elapsed = after.2 - before.2;
    consumers.into_iter().try_for_each(Server::stop)?;
    Ok(Counted {
        rate: rate(backlog - first, elapsed),
        elapsed,
        consumers: after.0.saturating_sub(before.0),
        machine: after.1.saturating_sub(before.1),
    })
}

fn sum(servers: &[Server], series: &str) -> anyhow::Result<u64> {
    servers.iter().map(|server| server.metric(series)).sum()
}

/// Twenty thousand pulses a second, and probes that look for their own.
fn steady(site: &Site, settings: &Settings) -> anyhow::Result<Vec<Row>> {
    let duration = Duration::from_secs(settings.seconds * 2);
    let edge = site.start("ingestor-api")?;
    let consumer = site.start("ingestor-consumer")?;
    let query = site.start("query-api")?;
    let load = Load { tenants: TENANTS, rate: Some(STEADY_RATE), ..Load::full(duration) };
    // What is asked for the first time is prepared, loaded and connected.
    drive(&edge.grpc(), Load { duration: duration / 4, ..load })?;
    let before = (consumer.metric(CELLS_WRITTEN)?, consumer.metric(COUNTED)?);
    let (grpc, address) = (edge.grpc(), edge.grpc());
    let driver = thread::spawn(move || drive(&address, load));
    let looking = Looking { first: TENANTS, again: LOOK_FOR_PULSES_AGAIN, duration };
    let seen = visible::probe(&grpc, query.ready.http, looking)?;
    let run = driver.join().map_err(|_| anyhow::anyhow!("the load panicked"))??;
    let cells = consumer.metric(CELLS_WRITTEN)? - before.0;
    let counted = consumer.metric(COUNTED)? - before.1;
    let thousandths = cells * 1_000 / counted.max(1);
    let at = format!("at {} pulses/s", grouped(run.rate()));
    let acknowledged = Percentiles::from(run.answers);
    Ok(vec![
        Row::stated(
            "store writes per pulse, 2,000 live rows",
            format!("0.{thousandths:03} {at}"),
            "flush interval 1000 ms; each cell is one",
        )
        .aiming("≤ 0.150", thousandths <= 150),
        Row::stated(
            "acknowledgement of a batch of 1,000 on Kafka",
            format!("{} {at}", acknowledged.text()),
            format!("the longest {}", milliseconds(acknowledged.at(100))),
        )
        .aiming("p99 ≤ 100 ms", acknowledged.at(99) <= STEADY_ACK_P99_MAX),
        Row::stated("acknowledgement to query on Kafka and CQL", format!("{} {at}", seen.text()), "")
            .aiming("p99 ≤ 5 s", seen.at(99) <= STEADY_SEEN_P99_MAX),
    ])
}
