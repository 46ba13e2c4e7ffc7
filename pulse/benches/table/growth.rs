//! Whether a pulse costs the same however many came before it, and however many tenants there are.

use crate::Settings;
use crate::process::{processor_time, resident_bytes, written_bytes};
use crate::pulses::{TENANTS, catalog};
use crate::server::{Home, settle};
use crate::streams::{Load, drive};
use crate::table::{Row, grouped, ratio};
use std::time::Duration;

const MILLION: u64 = 1_000_000;
/// Pulses of the steps by tenants.
const PULSES: u64 = 2 * MILLION;
const ROUND: Duration = Duration::from_secs(2);

/// What a pulse costs from one point on.
struct Cost {
    nanoseconds: u64,
    bytes: u64,
    resident: u64,
}

/// A row for each power of ten: of pulses up to `BENCH_GROWTH_PULSES`, and of tenants from 10 to 10,000.
pub fn rows(settings: &Settings) -> anyhow::Result<Vec<Row>> {
    let powers = |from: u64, to: u64| {
        std::iter::successors(Some(from), |power| Some(power * 10)).take_while(move |power| *power <= to)
    };
    let by_pulses = powers(MILLION, settings.growth_pulses).map(|pulses| (pulses, TENANTS));
    let by_tenants = powers(10, 10_000).map(|tenants| (PULSES, tenants));
    let mut costs = Vec::new();
    for (pulses, tenants) in by_pulses.chain(by_tenants) {
        costs.push((pulses, tenants, measure(pulses, tenants)?));
    }
    let first = costs.first().map_or(1, |(_, _, cost)| cost.nanoseconds);
    Ok(costs.iter().map(|(pulses, tenants, cost)| cost.row(*pulses, *tenants, first)).collect())
}

/// Sends pulses in rounds; what the last tenth costs is what counts.
fn measure(pulses: u64, tenants: u64) -> anyhow::Result<Cost> {
    let home = Home::new()?;
    let server = home.start()?;
    server.apply(&catalog(tenants))?;
    let load = Load { tenants, ..Load::full(ROUND) };
    let send = |pulses: u64| -> anyhow::Result<u64> {
        let mut sent = 0;
        while sent < pulses {
            sent += drive(&server.grpc(), load)?.pulses;
        }
        settle(&server)?;
        Ok(sent)
    };
    send(pulses / 10 * 9)?;
    let (time, bytes) = (processor_time(server.pid())?, written_bytes(server.pid())?);
    let last = send(pulses / 10)?.max(1);
    let nanoseconds = processor_time(server.pid())?.saturating_sub(time).as_nanos() / u128::from(last);
    Ok(Cost {
        nanoseconds: u64::try_from(nanoseconds)?,
        bytes: (written_bytes(server.pid())? - bytes) / last,
        resident: resident_bytes(server.pid())?,
    })
}

impl Cost {
    fn row(&self, pulses: u64, tenants: u64, first: u64) -> Row {
        let ours = format!(
            "{} ns of processor, {} bytes written, {} MiB resident",
            grouped(self.nanoseconds),
            grouped(self.bytes),
            self.resident >> 20
        );
        let what = format!("a pulse after {}, {} tenants", grouped(pulses), grouped(tenants));
        let row = Row::stated(what, ours, format!("{} of the first", ratio(self.nanoseconds, first)));
        row.aiming("flat (≤ 1.20)", self.nanoseconds * 100 <= first * 120)
    }
}
