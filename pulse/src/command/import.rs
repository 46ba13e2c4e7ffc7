//! `pulse import FILE`: the rows of a file as pulses.

#[cfg(test)]
mod tests;

use super::Context;
use crate::client::delivery::Delivery;
use crate::client::rest::{Request, Rest};
use crate::exit::{Exit, Failure};
use crate::import::batches::Batches;
use crate::import::mapping::{Mapping, Metric, Origin};
use crate::import::rejected::SideFile;
use crate::import::report::Report;
use crate::import::resume::{self, Resume};
use crate::import::rows::Rows;
use crate::import::source::Source;
use crate::import::survey::Survey;
use crate::import::time::ShiftTo;
use crate::output::{self, Listing, progress};
use crate::server::Server;
use crate::system_clock::SystemClock;
use anyhow::Context as _;
use clap::Args;
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

/// Batches that wait to be sent.
const WAITING_MAX: usize = 4;
/// How far a file is read, in a progress bar.
const BYTES: &str = "{bytes}/{total_bytes}";
const COLUMNS: [&str; 8] = [
    "rows",
    "pulses",
    "accepted",
    "duplicates",
    "rejected",
    "seconds",
    "pulses_per_second",
    "resumed_after_row",
];

/// Send the rows of a file as pulses; doing it again counts nothing twice.
///
/// While it runs, FILE.progress.json beside the file says up to which row everything is acknowledged. Where it was
/// interrupted, the same command to the same server goes on after that row. After the server was restored from a backup,
/// say --from-start.
#[derive(Args, Clone, Debug)]
pub struct Import {
    /// .csv, .ndjson or .jsonl, plain, .gz or .zst
    file: PathBuf,
    /// Who pays
    #[arg(long)]
    tenant: Option<String>,
    /// The column of the event time: with or without zone (then UTC)
    #[arg(long, value_name = "COLUMN", requires = "metric")]
    time: Option<String>,
    /// A column that is counted, one pulse a row; may be repeated. Without it each row is a pulse already
    #[arg(long, value_name = "COLUMN=SKU:UNIT", requires_all = ["time", "tenant"])]
    metric: Vec<Metric>,
    /// Who reports
    #[arg(long)]
    source: Option<String>,
    /// Move all times by whole days so that the newest row falls on this day: a time, a date, today or yesterday
    #[arg(long, value_name = "TIME")]
    shift_to: Option<ShiftTo>,
    /// Send every row, also those that an interrupted import had acknowledged
    #[arg(long)]
    from_start: bool,
}

/// What was sent.
struct Imported {
    report: Report,
    /// Rows of the file.
    rows: u64,
    /// The row after which this import went on.
    after: u64,
}

impl Import {
    /// Reads the file twice, sends its pulses and prints what became of them.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let server = context.find_server()?;
        let log = find_log(&Rest::new(server.clone())).await;
        let started = Instant::now();
        let Imported { mut report, rows, after } = self.deliver(server, log).await?;
        let exit = report.finish()?;
        let mut summary = report.summary(rows, started.elapsed());
        if after > 0 {
            summary["resumed_after_row"] = after.to_string().into();
        }
        context.format.print(&Listing {
            columns: &COLUMNS,
            items: std::slice::from_ref(&summary),
            whole: &summary,
        })?;
        if let Some(path) = report.find_side_path() {
            eprintln!("rejected rows are in {}", path.display());
        }
        Ok(exit)
    }

    /// Sends what no interrupted import of the same has sent to that log.
    async fn deliver(&self, server: Server, log: Option<String>) -> anyhow::Result<Imported> {
        let source = Source::of_path(&self.file)?;
        let mapping = self.mapping();
        let survey = survey(source.clone(), mapping.clone()).await?;
        let shift_days = self.shift_days(&survey)?;
        let origin = Origin::new(&survey.hash, shift_days);
        let resume = log.map(|log| {
            let way = Sha256::digest(format!("{mapping:?} {shift_days}"));
            let (file, mapping) = (resume::hex(&survey.hash), resume::hex(&way));
            Resume::new(source.progress_path(), resume::Import { file, mapping, log })
        });
        let after = resume.as_ref().filter(|_| !self.from_start).map_or(0, Resume::find_rows);
        let mut side = SideFile::new(source.rejected_path(), source.format);
        if after > 0 {
            eprintln!(
                "rows up to {after} are acknowledged already: going on there; --from-start sends them again"
            );
            side = side.continued();
        }
        let report = Arc::new(Mutex::new(Report::new(&mapping, side, resume)));
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let batches = Batches::new(sender, Arc::clone(&report));
        let reading = spawn_blocking(move || read(&source, &mapping, &origin, after, batches));
        let answers = Arc::clone(&report);
        let take = move |answered| answers.lock().expect("no holder of the report panics").take(&answered);
        Delivery::new(server, take).telling(output::say).run(receiver).await?;
        reading.await.context("reading the file")??;
        let report = Arc::into_inner(report).context("somebody still holds the report")?;
        let report = report.into_inner().expect("no holder of the report panics");
        Ok(Imported { report, rows: survey.rows, after })
    }

    fn mapping(&self) -> Mapping {
        Mapping {
            tenant: self.tenant.clone().unwrap_or_default(),
            source: self.source.clone().unwrap_or_default(),
            time_column: self.time.clone().unwrap_or_default(),
            metrics: self.metric.clone(),
        }
    }

    fn shift_days(&self, survey: &Survey) -> Result<i64, Failure> {
        let Some(shift_to) = self.shift_to else { return Ok(0) };
        let newest = survey
            .newest
            .ok_or_else(|| Failure::usage("--shift-to needs a row with a time, and there is none"))?;
        Ok(shift_to.days_from(newest, &SystemClock))
    }
}

/// The log of the server: another one has not what this one has acknowledged. A server that does not say is sent
/// everything.
async fn find_log(rest: &Rest) -> Option<String> {
    let pipeline = rest.send(&Request::get(&["pipeline"])).await.ok()?.body;
    pipeline["log_id"].as_str().map(str::to_owned)
}

async fn survey(source: Source, mapping: Mapping) -> anyhow::Result<Survey> {
    let work = move || {
        let bar = progress(source.bytes()?, "reading", BYTES);
        let advance = bar.clone();
        let survey = Survey::of(source.format, source.open(move |bytes| advance.inc(bytes))?, &mapping);
        bar.finish_and_clear();
        survey
    };
    spawn_blocking(work).await.context("reading the file")?
}

/// Sends the rows after that one.
fn read(
    source: &Source,
    mapping: &Mapping,
    origin: &Origin,
    after: u64,
    mut batches: Batches,
) -> anyhow::Result<()> {
    let bar = progress(source.bytes()?, "sending", BYTES);
    let advance = bar.clone();
    for row in Rows::new(source.format, source.open(move |bytes| advance.inc(bytes))?)? {
        let row = row?;
        if row.number > after {
            batches.add(row, mapping, origin)?;
        }
    }
    batches.finish()?;
    bar.finish_and_clear();
    Ok(())
}
