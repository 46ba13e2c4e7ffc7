//! How fast the consumer counts what lies in the log, beside decoding alone. Here it runs in this process, on a log that
//! was filled before, so that nothing else is measured with it.

use crate::Settings;
use crate::process::processor_time;
use crate::pulses::{Pulses, TENANTS};
use crate::server::Home;
use crate::streams::rate;
use crate::table::{Row, grouped, ratio};
use anyhow::Context;
use backends::embedded::{Embedded, OpenOptions};
use domain::calendar::Calendar;
use domain::checkpoint::Checkpoint;
use domain::dimension::Group;
use domain::generation::{Generation, Registry};
use domain::port::{Clock, Entry, Log, NewRecord, Query, ReadLimit, RegistryView, TopicPartition, read_all};
use domain::position::PULSES_PER_RECORD_MAX;
use domain::pulse::{StampedPulse, Stamps};
use domain::topic::{DEAD_LETTERS, REVISIONS};
use proto::blob::Blob;
use proto::record::{Body, Envelope, pack, to_log, unpack};
use pulse::system_clock::SystemClock;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const PARTITIONS: u32 = 4;
/// Pulses for each second of the settings: more than a machine of today counts in it.
const PULSES_PER_SECOND: u64 = 200_000;
const LOOK_AGAIN: Duration = Duration::from_millis(5);
const READ: ReadLimit = ReadLimit { bytes: 1 << 20, wait: Duration::ZERO };

/// The row.
pub fn rows(settings: &Settings) -> anyhow::Result<Vec<Row>> {
    let pulses = settings.seconds * PULSES_PER_SECOND;
    let home = Home::new()?;
    let Counted { elapsed, processor, decoding } =
        tokio::runtime::Runtime::new()?.block_on(measure(&home, pulses))?;
    let (ours, decoded) = (rate(pulses, processor), rate(pulses, decoding));
    let row = Row::stated(
        "consumer catch-up, pulses/s/core",
        format!("{} ({}/s on all cores)", grouped(ours), grouped(rate(pulses, elapsed))),
        format!("decode only {}: {} of it", grouped(decoded), ratio(ours, decoded)),
    );
    Ok(vec![row.aiming("≥ 500,000", ours >= 500_000)])
}

struct Counted {
    elapsed: Duration,
    processor: Duration,
    decoding: Duration,
}

async fn measure(home: &Home, pulses: u64) -> anyhow::Result<Counted> {
    let embedded = Embedded::open(&home.file(""), Arc::new(SystemClock), OpenOptions::default())?;
    let generation = Generation::first([7; 16], PARTITIONS);
    for topic in [&generation.topic, REVISIONS, DEAD_LETTERS] {
        embedded.log.declare(topic, PARTITIONS).await?;
    }
    let incarnation = embedded.log.incarnation(&generation.topic).await?;
    let registry = Arc::new(Registry::new(generation.clone(), incarnation));
    fill(&*embedded.log, &registry, pulses).await?;
    let decoding = decode(&*embedded.log, &generation).await?;
    let ports = ingestor_consumer::Ports {
        log: Arc::clone(&embedded.log) as _,
        store: Arc::clone(&embedded.store) as _,
        clock: Arc::new(SystemClock),
        registry: Arc::new(Fixed(registry)),
    };
    let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
    let pid = std::process::id();
    let (started, before) = (Instant::now(), processor_time(pid)?);
    ingestor_consumer::start(ingestor_consumer::Config::default(), ports, &stop, &tracker);
    while counted(&embedded).await? < pulses {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    let counted = Counted {
        elapsed: started.elapsed(),
        processor: processor_time(pid)?.saturating_sub(before),
        decoding,
    };
    stop.cancel();
    tracker.close();
    tracker.wait().await;
    Ok(counted)
}

struct Fixed(Arc<Registry>);

impl RegistryView for Fixed {
    fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.0)
    }
}

/// Appends full records, round after round over the partitions.
async fn fill(log: &dyn Log, registry: &Registry, pulses: u64) -> anyhow::Result<()> {
    let mut made = Pulses::new(0, TENANTS);
    let mut parts: Vec<Vec<StampedPulse>> = (0..PARTITIONS).map(|_| Vec::new()).collect();
    let (calendar, utc) = (Arc::from("UTC"), Calendar::utc());
    for _ in 0..pulses {
        let pulse = proto::pulse::from_wire(made.batch(1).remove(0)).parse()?;
        let partition = registry.route(&pulse.identity(), pulse.event_time).partition;
        let stamps = Stamps {
            group: Group::from_canonical(""),
            calendar: Arc::clone(&calendar),
            period: utc.period_of(pulse.event_time),
            catalog_offset: 1,
        };
        let part = &mut parts[partition as usize];
        part.push(StampedPulse { pulse, stamps });
        if part.len() == PULSES_PER_RECORD_MAX * 32 {
            append(log, registry, partition, std::mem::take(part)).await?;
        }
    }
    for (partition, part) in (0..).zip(parts) {
        append(log, registry, partition, part).await?;
    }
    Ok(())
}

async fn append(
    log: &dyn Log,
    registry: &Registry,
    partition: u32,
    part: Vec<StampedPulse>,
) -> anyhow::Result<()> {
    let envelope = Envelope { generation: 1, incarnation: 1, arrival: SystemClock.now() };
    let records: Vec<NewRecord> =
        part.chunks(PULSES_PER_RECORD_MAX).map(|pulses| to_log(pack(&envelope, pulses, &[]))).collect();
    let to = TopicPartition::new(Arc::clone(&registry.newest().topic), partition);
    log.append(&to, records).await.map(drop).context("filling the log")
}

/// How long it takes to read all of it and look at every pulse.
async fn decode(log: &dyn Log, generation: &Generation) -> anyhow::Result<Duration> {
    let mut took = Duration::ZERO;
    for partition in 0..PARTITIONS {
        let of = TopicPartition::new(Arc::clone(&generation.topic), partition);
        let (mut next, high) = (0, log.watermarks(&of).await?.high);
        while next < high {
            let entries = log.read(&of, next, READ).await?;
            next += entries.len() as u64;
            let started = Instant::now();
            entries.iter().try_for_each(look_at)?;
            took += started.elapsed();
        }
    }
    Ok(took)
}

fn look_at(entry: &Entry) -> anyhow::Result<()> {
    if let Body::Pulses(pulses) = unpack(entry)?.body {
        pulses.accepted().for_each(|pulse| {
            black_box(pulse);
        });
    }
    Ok(())
}

/// Pulses below the checkpoints.
async fn counted(embedded: &Embedded) -> anyhow::Result<u64> {
    let mut counted = 0;
    for partition in 0..PARTITIONS {
        let query = Query::one(&Checkpoint::cell_key(1, partition));
        let cells = read_all(&*embedded.store, query).await?;
        let checkpoint = cells.first().map(|cell| Checkpoint::from_blob(&cell.value)).transpose()?;
        counted += checkpoint.map_or(0, |checkpoint| checkpoint.totals.read);
    }
    Ok(counted)
}
