//! `pulse simulate`: seeded load, and whether the bill that comes of it is right.

use super::Context;
use crate::client::rest::{Request, Rest};
use crate::client::{catalog, waiting};
use crate::exit::{Exit, Failure};
use crate::import::time;
use crate::output::{Listing, progress};
use crate::simulate::bill::{Bill, Difference};
use crate::simulate::load::Load;
use crate::simulate::rates::{Rates, Share};
use crate::simulate::schedule::Profile;
use crate::simulate::tally::Tally;
use crate::simulate::workload::{Shape, Workload};
use crate::system_clock::SystemClock;
use clap::Args;
use domain::port::Clock;
use domain::time::Timestamp;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const SECONDS_PER_DAY: i64 = 86_400;
/// Event times lie within a day, so that every run is billed in one month.
const SPAN_SECONDS: u64 = 86_400;
const HORIZON_DAYS: i64 = 35;
const PATIENCE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(200);
const DIFFERENCES_SHOWN: usize = 20;
const COLUMNS: [&str; 13] = [
    "seed",
    "pulses",
    "accepted",
    "duplicates",
    "rejected",
    "seconds",
    "pulses_per_second",
    "p50_ms",
    "p99_ms",
    "p999_ms",
    "max_ms",
    "verified",
    "total",
];

/// Send seeded load, and check the bill that comes of it.
///
/// Everything follows from the seed and the flags: the same command sends the same pulses under the same names, and on
/// a second run they are duplicates. Event times lie within the UTC day that begins at --start. Latency is measured from
/// the moment a pulse was due, not from when there was room to send it.
#[derive(Args, Clone, Debug)]
pub struct Simulate {
    /// Whose throws decide
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Pulses a second, on average
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    rate: u64,
    /// For so many seconds [default: 10]
    #[arg(long, value_name = "SECONDS", conflicts_with = "pulses")]
    duration: Option<u64>,
    /// So many pulses in all
    #[arg(long)]
    pulses: Option<u64>,
    /// How busy the day and the sending are
    #[arg(long, value_enum, default_value_t)]
    profile: Profile,
    /// By so many tenants
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    tenants: u64,
    /// Of so many SKUs
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    skus: u64,
    /// So many of a hundred are sent again
    #[arg(long, value_name = "PERCENT", default_value = "1")]
    duplicates: Share,
    /// So many of a hundred are sent long after their event time
    #[arg(long, value_name = "PERCENT", default_value = "1")]
    late: Share,
    /// So many of a hundred are refused
    #[arg(long, value_name = "PERCENT", default_value = "0.1")]
    bad: Share,
    /// The first event time, within the last 35 days [default: yesterday's midnight UTC]
    #[arg(long, value_name = "TIME", value_parser = start_time)]
    start: Option<Timestamp>,
    /// Where the catalogue is served, where that is not the server of --http
    #[arg(long, value_name = "ADDRESS")]
    catalog_http: Option<String>,
    /// Over so many streams at once
    #[arg(long, default_value_t = 2)]
    streams: usize,
    /// Reckon the bill anew from what was acknowledged, and compare; exit code 1 if a digit differs
    #[arg(long)]
    verify: bool,
    /// How long the server may take to rate what it has counted
    #[arg(long, value_name = "SECONDS", requires = "verify", default_value_t = 60)]
    verify_within: u64,
}

fn start_time(text: &str) -> Result<Timestamp, String> {
    time::parse(text).ok_or_else(|| "must be a time such as 2026-01-31T00:00:00Z".to_owned())
}

impl Simulate {
    /// Puts the workload's catalogue there, sends the load, and says how it went.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let now = SystemClock.now();
        let workload = Workload::new(self.shape(now)?);
        let server = context.find_server()?;
        let rest = Rest::new(server.clone());
        let documents = catalog::read("the simulated catalogue", &workload.documents().to_string())?;
        let catalogue = match &self.catalog_http {
            Some(address) => Rest::new(server.with_http(address)?),
            None => rest.clone(),
        };
        catalog::apply(&catalogue, "the simulated catalogue", &documents).await?;
        let pulses = workload.shape().pulses;
        eprintln!("sending {pulses} pulses with event times from {} on", workload.shape().start);
        let bar = progress(pulses, "sending", "{pos}/{len} pulses");
        let (advance, duration) =
            (bar.clone(), Duration::from_micros(pulses.saturating_mul(1_000_000) / self.rate));
        let load = Load { server, streams: self.streams, duration };
        let (tally, took) = load.run(&workload, move |count| advance.inc(count)).await?;
        bar.finish_and_clear();
        let verdict = if self.verify { Some(self.verdict(&rest, &workload, &tally).await?) } else { None };
        report(context, &summary(&workload, &tally, took), &tally, verdict)
    }

    /// Compares until nothing differs; what differs still after a while, differs.
    async fn verdict(&self, rest: &Rest, workload: &Workload, tally: &Tally) -> anyhow::Result<Verdict> {
        let expected = Bill::of(workload, tally);
        let tenant = workload.tenant(0);
        let question = Request::get(&["usage"]).with("tenant", Some(&tenant));
        waiting::counted(rest, &question, SystemClock.now(), PATIENCE).await?;
        let begun = Instant::now();
        loop {
            let found = Bill::ask(rest, workload).await?;
            let differences = expected.differences(&found);
            if differences.is_empty() || begun.elapsed() > Duration::from_secs(self.verify_within) {
                return Ok(Verdict { found, differences });
            }
            tokio::time::sleep(STEP).await;
        }
    }

    fn shape(&self, now: Timestamp) -> Result<Shape, Failure> {
        let pulses = self.pulses.unwrap_or_else(|| self.rate.saturating_mul(self.duration.unwrap_or(10)));
        let yesterday = Timestamp::from_seconds((now.day() - 1) * SECONDS_PER_DAY);
        let start = self.start.unwrap_or(yesterday);
        if start < now.plus_seconds(-HORIZON_DAYS * SECONDS_PER_DAY)
            || start > now.plus_seconds(-SECONDS_PER_DAY)
        {
            let rule = "must lie between 35 days and one day before now: pulses outside are refused";
            return Err(Failure::usage(format!("--start {start} {rule}")));
        }
        if start.seconds() % SECONDS_PER_DAY != 0 || start.subsecond_nanos() != 0 {
            return Err(Failure::usage(format!(
                "--start {start} must be a midnight UTC: a run is billed in one month"
            )));
        }
        let rates = Rates { duplicates: self.duplicates, late: self.late, bad: self.bad };
        let Self { seed, tenants, skus, profile, .. } = *self;
        Ok(Shape { seed, pulses, tenants, skus, start, span_seconds: SPAN_SECONDS, profile, rates })
    }
}

/// What the server says, and where it should have said otherwise.
struct Verdict {
    found: Bill,
    differences: Vec<Difference>,
}

fn summary(workload: &Workload, tally: &Tally, took: Duration) -> Value {
    let millis = |micros: u64| format!("{}.{:03}", micros / 1_000, micros % 1_000);
    let micros = took.as_micros().max(1);
    json!({
        "seed": workload.shape().seed.to_string(),
        "pulses": tally.answered.to_string(),
        "accepted": tally.accepted.to_string(),
        "duplicates": tally.duplicates.to_string(),
        "rejected": tally.refused_count().to_string(),
        "seconds": format!("{}.{:03}", micros / 1_000_000, micros / 1_000 % 1_000),
        "pulses_per_second": (u128::from(tally.answered) * 1_000_000 / micros).to_string(),
        "p50_ms": millis(tally.latency_micros(500)),
        "p99_ms": millis(tally.latency_micros(990)),
        "p999_ms": millis(tally.latency_micros(999)),
        "max_ms": millis(tally.latency_micros(1_000)),
    })
}

fn report(
    context: &Context,
    summary: &Value,
    tally: &Tally,
    verdict: Option<Verdict>,
) -> anyhow::Result<Exit> {
    let mut whole = summary.clone();
    let mut row = summary.clone();
    whole["rejections"] = json!(tally.refused);
    let mut is_right = tally.surprises.is_empty();
    tally.surprises.iter().for_each(|surprise| eprintln!("{surprise}"));
    if let Some(Verdict { found, differences }) = verdict {
        is_right &= differences.is_empty();
        for Difference { what, expected, found } in differences.iter().take(DIFFERENCES_SHOWN) {
            eprintln!("{what}: expected {expected}, the server says {found}");
        }
        let hidden = differences.len().saturating_sub(DIFFERENCES_SHOWN);
        if hidden > 0 {
            eprintln!("and {hidden} more");
        }
        row["verified"] = is_right.into();
        row["total"] = found.total().into();
        whole["verified"] = is_right.into();
        whole["bill"] = found.items().into();
    }
    context.format.print(&Listing { columns: &COLUMNS, items: &[row], whole: &whole })?;
    Ok(if is_right { Exit::Done } else { Exit::Failed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    fn parsed(flags: &[&str]) -> Simulate {
        let arguments = ["pulse", "simulate"].iter().chain(flags);
        let Command::Simulate(simulate) = Cli::try_parse_from(arguments).unwrap().command else {
            panic!("it is simulate")
        };
        simulate
    }

    fn now() -> Timestamp {
        Timestamp::parse("2026-03-02T15:00:00Z").unwrap()
    }

    #[test]
    fn a_run_begins_yesterday_at_midnight_unless_it_is_told() {
        let shape = parsed(&["--seed", "9", "--rate", "50", "--duration", "4"]).shape(now()).unwrap();
        assert_eq!(
            (shape.seed, shape.pulses, shape.start.to_string().as_str()),
            (9, 200, "2026-03-01T00:00:00Z")
        );
        let told = parsed(&["--start", "2026-02-10T00:00:00Z", "--pulses", "7"]).shape(now()).unwrap();
        assert_eq!((told.pulses, told.start.to_string().as_str()), (7, "2026-02-10T00:00:00Z"));
    }

    #[test]
    fn a_start_whose_pulses_would_be_refused_is_refused_first() {
        for (start, rule) in [
            ("2026-01-01T00:00:00Z", "35 days"),
            ("2026-03-02T00:00:00Z", "35 days"),
            ("2026-02-20T12:00:00Z", "must be a midnight UTC"),
        ] {
            let failure = parsed(&["--start", start]).shape(now()).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.message.contains(rule), "{}", failure.message);
        }
    }

    #[test]
    fn rate_and_counts_have_bounds() {
        for flags in
            [["--rate", "0"], ["--tenants", "0"], ["--skus", "1001"], ["--bad", "101"], ["--start", "soon"]]
        {
            assert!(Cli::try_parse_from(["pulse", "simulate"].iter().chain(&flags)).is_err(), "{flags:?}");
        }
        assert!(Cli::try_parse_from(["pulse", "simulate", "--pulses", "1", "--duration", "1"]).is_err());
    }
}
