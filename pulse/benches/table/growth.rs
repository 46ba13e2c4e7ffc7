//! Whether a pulse costs the same however many came before it, and however many tenants there are.

use crate::Settings;
use crate::process::{processor_nanos, processor_time, resident_bytes, written_bytes};
use crate::pulses::{TENANTS, catalog};
use crate::server::{Home, settle};
use crate::streams::{Load, drive};
use crate::table::{Row, grouped, ratio};
use std::time::{Duration, Instant};

const MILLION: u64 = 1_000_000;
/// Pulses of the steps by tenants.
const PULSES: u64 = 2 * MILLION;
/// Cells that flushes wrote, of all partitions.
const CELLS_WRITTEN: &str = "pulse_ingestor_consumer_flush_rows_sum";
const ROUND: Duration = Duration::from_secs(2);

/// What a pulse costs from one point on.
struct Cost {
    /// Pulses before that.
    after: u64,
    tenants: u64,
    nanoseconds: u64,
    bytes: u64,
    /// Thousandths of a cell that flushes wrote.
    cells: u64,
    resident: u64,
}

/// A row for each power of ten: of tenants from 10 to 10,000, and of pulses up to `BENCH_GROWTH_PULSES` or as far as the
/// time allows.
pub fn rows(settings: &Settings) -> anyhow::Result<Vec<Row>> {
    let end = Instant::now() + Duration::from_secs(settings.growth_minutes * 60);
    let powers = |from: u64, to: u64| {
        std::iter::successors(Some(from), |power| Some(power * 10)).take_while(move |power| *power <= to)
    };
    let by_tenants = powers(10, 10_000).map(|tenants| (PULSES.min(settings.growth_pulses), tenants));
    let by_pulses = powers(MILLION.min(settings.growth_pulses), settings.growth_pulses);
    let mut rows = series(by_tenants, end)?;
    rows.extend(series(by_pulses.map(|pulses| (pulses, TENANTS)), end)?);
    Ok(rows)
}

/// The rows of steps of which one thing grows, beside the first of them.
fn series(steps: impl Iterator<Item = (u64, u64)>, end: Instant) -> anyhow::Result<Vec<Row>> {
    let mut costs = Vec::new();
    for (pulses, tenants) in steps.take_while(|_| Instant::now() < end) {
        costs.push(measure(pulses, tenants, end)?);
    }
    let first = costs.first().map_or(1, |cost| cost.nanoseconds);
    Ok(costs.iter().map(|cost| cost.row(first)).collect())
}

/// Sends pulses in rounds until there are nine tenths of them, or until the end; what one tenth more costs is what counts.
fn measure(pulses: u64, tenants: u64, end: Instant) -> anyhow::Result<Cost> {
    let home = Home::new()?;
    let server = home.start()?;
    server.apply(&catalog(tenants))?;
    let load = Load { tenants, ..Load::full(ROUND) };
    let mut after = 0;
    while after < pulses / 10 * 9 && Instant::now() < end {
        after += drive(&server.grpc(), load)?.pulses;
    }
    settle(&server)?;
    let (time, bytes) = (processor_time(server.pid())?, written_bytes(server.pid())?);
    let cells = server.metric(CELLS_WRITTEN)?;
    let mut last = 0;
    while last < (after / 9).max(1) {
        last += drive(&server.grpc(), load)?.pulses;
    }
    settle(&server)?;
    let nanoseconds = processor_nanos(server.pid(), time, last)?;
    Ok(Cost {
        after,
        tenants,
        nanoseconds,
        bytes: (written_bytes(server.pid())? - bytes) / last,
        cells: (server.metric(CELLS_WRITTEN)? - cells) * 1_000 / last,
        resident: resident_bytes(server.pid())?,
    })
}

impl Cost {
    fn row(&self, first: u64) -> Row {
        let ours = format!(
            "{} ns of processor, {}.{:03} cells and {} bytes written, {} MiB resident",
            grouped(self.nanoseconds),
            self.cells / 1_000,
            self.cells % 1_000,
            grouped(self.bytes),
            self.resident >> 20
        );
        let what = format!("a pulse after {}, {} tenants", grouped(self.after), grouped(self.tenants));
        let row = Row::stated(what, ours, format!("{} of the first such", ratio(self.nanoseconds, first)));
        row.aiming("flat (≤ 1.20)", self.nanoseconds * 100 <= first * 120)
    }
}
