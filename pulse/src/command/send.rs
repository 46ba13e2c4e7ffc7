//! `pulse send`: one pulse from flags, or many as NDJSON from standard input.

use super::Context;
use crate::client::delivery::{Answered, Batch, Delivery, Filling, sendable};
use crate::exit::{Exit, Failure};
use crate::import::mapping::{self, reason_name};
use crate::import::rows::Rows;
use crate::import::source::Format;
use crate::import::time;
use crate::output::{self, Listing};
use anyhow::Context as _;
use clap::Args;
use domain::pulse::RawPulse;
use domain::reject::Reject;
use domain::time::Timestamp;
use proto::v1;
use serde_json::{Map, Value, json};
use std::io::{self, BufReader, IsTerminal};
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use uuid::Uuid;

/// Pulses that wait to be put into a batch.
const WAITING_MAX: usize = 1_000;
const COLUMNS: [&str; 5] = ["id", "pulses", "accepted", "duplicates", "rejected"];

/// Send one pulse from flags, or many as NDJSON from standard input where no SKU is given.
#[derive(Args, Clone, Debug, Default)]
pub struct Send {
    /// Who pays
    #[arg(long)]
    tenant: Option<String>,
    /// What was used
    #[arg(long, requires_all = ["quantity", "unit"])]
    sku: Option<String>,
    /// How much, an exact decimal
    #[arg(long, requires = "sku", allow_hyphen_values = true)]
    quantity: Option<String>,
    /// Of which unit
    #[arg(long, requires = "sku")]
    unit: Option<String>,
    /// The pulse's id [default: a new UUIDv7]
    #[arg(long, requires = "sku")]
    id: Option<String>,
    /// Who reports
    #[arg(long)]
    source: Option<String>,
    /// When [default: the time of the id]
    #[arg(long, requires = "sku", value_parser = time::of_flag)]
    event_time: Option<Timestamp>,
    /// A dimension; may be repeated
    #[arg(long, value_name = "KEY=VALUE", requires = "sku", value_parser = dimension)]
    dimension: Vec<(String, String)>,
    /// The resource that was used
    #[arg(long, requires = "sku")]
    resource_id: Option<String>,
    /// The pulse this one corrects
    #[arg(long, requires = "sku")]
    corrects_id: Option<String>,
}

fn dimension(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("must be KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl Send {
    /// Sends what the flags or standard input say, and prints what became of it.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        if self.sku.is_none() && io::stdin().is_terminal() {
            return Err(Failure::usage(
                "without --sku pulses are read from standard input, which is a terminal",
            )
            .into());
        }
        let server = context.find_server()?;
        let tally = Arc::new(Mutex::new(Tally::default()));
        let (sender, receiver) = mpsc::channel(1);
        let noted = Arc::clone(&tally);
        let note = move |answered: Answered<u64>| {
            noted.lock().expect("no holder of the tally panics").note(&answered);
            Ok(())
        };
        let delivery = Delivery::new(server, note).telling(output::say).run(receiver);
        let feed = self.feed(sender, &tally);
        tokio::try_join!(delivery, feed)?;
        let tally = tally.lock().expect("no holder of the tally panics");
        if tally.pulses == 0 {
            let needed =
                "name a pulse by --tenant, --sku, --quantity and --unit, or give pulses as lines of JSON";
            return Err(Failure::usage(format!("nothing to send: {needed}")).into());
        }
        tally.print(context)
    }

    async fn feed(self, sender: mpsc::Sender<Batch<u64>>, tally: &Mutex<Tally>) -> anyhow::Result<()> {
        let (lines, mut pulses) = mpsc::channel(WAITING_MAX);
        let reading = spawn_blocking(move || match self.pulse() {
            Some(raw) => lines.blocking_send((1, Ok(raw))).context("the delivery has ended"),
            None => self.read(io::stdin(), &lines),
        });
        let mut arrived = Vec::with_capacity(WAITING_MAX);
        let mut filling = Filling::default();
        while pulses.recv_many(&mut arrived, WAITING_MAX).await > 0 {
            for (line, raw) in arrived.drain(..) {
                let full = match raw.and_then(|raw| sendable(&raw)) {
                    Ok(pulse) => filling.push(pulse, line),
                    Err(reject) => {
                        tally.lock().expect("no holder of the tally panics").refuse(line, &reject);
                        None
                    }
                };
                hand_on(&sender, full).await?;
            }
            hand_on(&sender, filling.take()).await?;
        }
        reading.await.context("reading standard input")?
    }

    /// The pulse of the flags, if they name one.
    fn pulse(&self) -> Option<RawPulse> {
        let sku = self.sku.clone()?;
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let raw = RawPulse {
            sku,
            id: text(&self.id),
            quantity: text(&self.quantity),
            unit: text(&self.unit),
            event_time: self.event_time.map(Into::into),
            dimensions: self.dimension.clone(),
            resource_id: text(&self.resource_id),
            corrects_id: text(&self.corrects_id),
            ..RawPulse::default()
        };
        Some(self.complete(raw))
    }

    /// A pulse a line.
    fn read(
        &self,
        input: impl io::Read,
        lines: &mpsc::Sender<(u64, Result<RawPulse, Reject>)>,
    ) -> anyhow::Result<()> {
        for row in Rows::new(Format::Ndjson, BufReader::new(input))? {
            let row = row?;
            let raw = mapping::whole(&row).map(|raw| self.complete(raw));
            if lines.blocking_send((row.number, raw)).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Fills in what was left out. An id is made here, so that what is in doubt can be sent again.
    fn complete(&self, mut raw: RawPulse) -> RawPulse {
        for (field, flag) in [(&mut raw.tenant, &self.tenant), (&mut raw.source, &self.source)] {
            if let (true, Some(value)) = (field.is_empty(), flag) {
                field.clone_from(value);
            }
        }
        if raw.id.is_empty() {
            raw.id = Uuid::now_v7().to_string();
        }
        raw
    }
}

/// A delivery that has ended says why by itself.
async fn hand_on(sender: &mpsc::Sender<Batch<u64>>, batch: Option<Batch<u64>>) -> anyhow::Result<()> {
    if let Some(batch) = batch {
        sender.send(batch).await.context("the delivery has ended")?;
    }
    Ok(())
}

/// What became of the pulses.
#[derive(Debug, Default)]
struct Tally {
    last_id: String,
    pulses: u64,
    accepted: u64,
    duplicates: u64,
    rejections: Vec<Value>,
}

impl Tally {
    fn note(&mut self, answered: &Answered<u64>) {
        let Answered { batch, result } = answered;
        self.pulses += batch.pulses.len() as u64;
        self.accepted += u64::from(result.accepted_count.unsigned_abs());
        self.duplicates += u64::from(result.duplicate_count.unsigned_abs());
        self.last_id = batch.pulses.last().map(|pulse| pulse.id.clone()).unwrap_or_default();
        let lines = |rejected: &v1::RejectedPulse| {
            usize::try_from(rejected.index).ok().and_then(|index| batch.tags.get(index))
        };
        self.rejections.extend(result.rejections.iter().map(|rejected| {
            json!({"line": lines(rejected), "id": rejected.id, "reason": reason_name(rejected.reason), "field": rejected.field,
                "message": rejected.message, "dead_letter_id": rejected.dead_letter_id})
        }));
    }

    fn refuse(&mut self, line: u64, reject: &Reject) {
        self.pulses += 1;
        self.rejections.push(json!({"line": line, "reason": reject.reason.name(), "field": reject.field, "message": reject.message}));
    }

    fn summary(&self) -> Value {
        let mut summary = Map::new();
        if self.pulses == 1 && !self.last_id.is_empty() {
            summary.insert("id".to_owned(), json!(self.last_id));
        }
        let counts = [("pulses", self.pulses), ("accepted", self.accepted), ("duplicates", self.duplicates)];
        summary.extend(counts.map(|(name, count)| (name.to_owned(), json!(count.to_string()))));
        summary.insert("rejected".to_owned(), json!(self.rejections.len().to_string()));
        Value::Object(summary)
    }

    fn print(&self, context: &Context) -> anyhow::Result<Exit> {
        for rejection in &self.rejections {
            eprintln!("rejected: {rejection}");
        }
        let summary = self.summary();
        let mut whole = summary.clone();
        whole["rejections"] = json!(self.rejections);
        context.format.print(&Listing { columns: &COLUMNS, items: &[summary], whole: &whole })?;
        Ok(if self.rejections.is_empty() { Exit::Done } else { Exit::Partial })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send() -> Send {
        Send { tenant: Some("acme".into()), source: Some("shell".into()), ..Send::default() }
    }

    #[test]
    fn flags_are_one_pulse_with_an_id_that_tells_its_time() {
        let flags = Send {
            sku: Some("llm.input".into()),
            quantity: Some("-1.5".into()),
            unit: Some("token".into()),
            dimension: vec![dimension("region=eu-1").unwrap()],
            ..send()
        };
        let mut raw = flags.pulse().unwrap();
        raw.stamp(None);
        let pulse = raw.parse().unwrap();
        assert_eq!((pulse.tenant.as_str(), pulse.source.as_str()), ("acme", "shell"));
        assert_eq!(pulse.quantity.to_string(), "-1.5");
        assert!(pulse.id.unix_millis().is_some());
        assert_eq!(send().pulse(), None, "without a SKU standard input is read");
    }

    #[test]
    fn lines_keep_what_they_say_and_gain_what_they_leave_out() {
        let (lines, mut pulses) = mpsc::channel(10);
        let input = b"{\"id\": \"a\", \"tenant\": \"globex\", \"quantity\": 1.50}\n\n{\"sku\": \"x\"}\n[]\n";
        send().read(input.as_slice(), &lines).unwrap();
        drop(lines);
        let all: Vec<_> = std::iter::from_fn(|| pulses.blocking_recv()).collect();
        let first = all[0].1.as_ref().unwrap();
        assert_eq!(
            (first.id.as_str(), first.tenant.as_str(), first.quantity.as_str()),
            ("a", "globex", "1.50")
        );
        let second = all[1].1.as_ref().unwrap();
        assert_eq!((all[1].0, second.tenant.as_str(), second.id.len()), (3, "acme", 36));
        assert_eq!((all[2].0, all[2].1.is_err()), (4, true));
    }

    #[test]
    fn a_summary_counts_every_pulse() {
        let mut tally = Tally::default();
        let rejected = v1::RejectedPulse { index: 1, reason: 3, ..Default::default() };
        let result = v1::BatchResult { accepted_count: 1, rejections: vec![rejected], ..Default::default() };
        let batch = Batch { pulses: vec![v1::Pulse::default(); 2], tags: vec![7, 9] };
        tally.note(&Answered { batch, result });
        assert_eq!(
            tally.summary(),
            json!({"pulses": "2", "accepted": "1", "duplicates": "0", "rejected": "1"})
        );
        assert_eq!(
            (&tally.rejections[0]["line"], &tally.rejections[0]["reason"]),
            (&json!(9), &json!("UNKNOWN_SKU"))
        );
    }
}
