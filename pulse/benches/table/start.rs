//! How long a start takes: on nothing, and after a kill in the middle of work on a large log.

use crate::Settings;
use crate::percentile::milliseconds;
use crate::pulses::{Pulses, TENANTS, catalog};
use crate::server::{Home, Server};
use crate::streams::write;
use crate::table::Row;
use std::fs;
use std::time::{Duration, Instant};

const START_MAX: Duration = Duration::from_secs(1);
const RESTART_MAX: Duration = Duration::from_secs(2);
/// Pulses made at a time.
const ROUND: usize = 50_000;

/// The rows.
pub fn rows(settings: &Settings) -> anyhow::Result<Vec<Row>> {
    let home = Home::new()?;
    let (server, start) = timed(&home)?;
    server.apply(&catalog(TENANTS))?;
    let bytes = fill(&home, &server, settings.log_bytes)?;
    server.kill()?;
    let (_server, restart) = timed(&home)?;
    let log = format!("log of {} MB", bytes / 1_000_000);
    Ok(vec![
        Row::stated("start to ready, new data directory", milliseconds(start), "")
            .aiming("≤ 1 s", start <= START_MAX),
        Row::stated("restart to ready after kill −9", milliseconds(restart), log)
            .aiming("≤ 2 s with 2 GB", restart <= RESTART_MAX && bytes >= 2_000_000_000),
    ])
}

fn timed(home: &Home) -> anyhow::Result<(Server, Duration)> {
    let started = Instant::now();
    let server = home.start()?;
    Ok((server, started.elapsed()))
}

/// Sends pulses of which no two are alike, so that they take much room, until the log is that large.
fn fill(home: &Home, server: &Server, bytes: u64) -> anyhow::Result<u64> {
    let mut made = Pulses::new(0, TENANTS);
    loop {
        let mut pulses = made.batch(ROUND);
        for pulse in &mut pulses {
            pulse.resource_id = format!("{0}/{0}/{0}/{0}/{0}/{0}", pulse.id);
        }
        write(&server.grpc(), pulses)?;
        let length = fs::metadata(home.file("log.db"))?.len();
        if length >= bytes {
            return Ok(length);
        }
    }
}
