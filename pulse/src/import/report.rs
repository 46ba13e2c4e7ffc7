//! What became of an import, counted as the answers come.

use super::frontier::Frontier;
use super::mapping::{Mapping, reason_name};
use super::rejected::{Rejection, SideFile};
use super::resume::Resume;
use super::rows::Row;
use crate::client::delivery::{Answered, Batch};
use crate::exit::Exit;
use domain::reject::Reject;
use proto::v1;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Where a pulse came from.
#[derive(Clone, Debug)]
pub struct Place {
    /// The row.
    pub row: Arc<Row>,
    /// Which of its pulses.
    pub index: usize,
}

/// The counts so far, and the side file.
pub struct Report {
    names: Vec<String>,
    pulses: u64,
    accepted: u64,
    duplicates: u64,
    rejected: u64,
    side: SideFile,
    frontier: Frontier,
    /// `None`: this import cannot go on later.
    resume: Option<Resume>,
}

impl Report {
    /// Nothing is counted yet.
    pub fn new(mapping: &Mapping, side: SideFile, resume: Option<Resume>) -> Self {
        let names = mapping.metrics.iter().map(|metric| metric.column.clone()).collect();
        let frontier = Frontier::default();
        Self { names, pulses: 0, accepted: 0, duplicates: 0, rejected: 0, side, frontier, resume }
    }

    /// Remembers that a batch is on its way.
    pub fn hand_on(&mut self, batch: &Batch<Place>) {
        self.frontier.hand_on(&batch.tags);
    }

    /// Counts an answer; its rejected pulses go to the side file.
    pub fn take(&mut self, answered: &Answered<Place>) -> anyhow::Result<()> {
        let Answered { batch, result } = answered;
        self.pulses += batch.pulses.len() as u64;
        self.accepted += u64::from(result.accepted_count.unsigned_abs());
        self.duplicates += u64::from(result.duplicate_count.unsigned_abs());
        for rejected in &result.rejections {
            let place = usize::try_from(rejected.index).ok().and_then(|index| batch.tags.get(index));
            let place = place.ok_or_else(|| {
                anyhow::anyhow!("the server rejected pulse {} of {}", rejected.index, batch.tags.len())
            })?;
            self.reject(place, rejection(rejected))?;
        }
        self.side.flush()?;
        let rows = self.frontier.answer(&batch.tags);
        self.note(rows);
        Ok(())
    }

    /// An import whose progress cannot be noted can still be repeated whole.
    fn note(&mut self, rows: u64) {
        let noted = self.resume.as_mut().map_or(Ok(()), |resume| resume.note(rows));
        if let Err(error) = noted {
            self.resume = None;
            eprintln!("if this is interrupted, it begins at the start again: {error:#}");
        }
    }

    /// Counts a pulse that could not be sent.
    pub fn refuse(&mut self, place: &Place, reject: &Reject) -> anyhow::Result<()> {
        self.pulses += 1;
        let (reason, field, message) =
            (reject.reason.name().to_owned(), reject.field.clone(), reject.message.clone());
        self.reject(place, Rejection { reason, field, message, ..Rejection::default() })
    }

    fn reject(&mut self, place: &Place, rejection: Rejection) -> anyhow::Result<()> {
        self.rejected += 1;
        let metric = self.names.get(place.index).cloned().unwrap_or_default();
        self.side.add(&place.row, &Rejection { metric, ..rejection })
    }

    /// Writes out what is in memory, forgets where it was, and says how the command ends.
    pub fn finish(&mut self) -> anyhow::Result<Exit> {
        self.side.flush()?;
        self.resume.as_ref().map_or(Ok(()), Resume::finish)?;
        Ok(if self.rejected == 0 { Exit::Done } else { Exit::Partial })
    }

    /// Where rejected rows are, if there are any.
    pub fn find_side_path(&self) -> Option<&Path> {
        self.side.find_path()
    }

    /// The counts, with how long it took.
    pub fn summary(&self, rows: u64, elapsed: Duration) -> Value {
        let millis = elapsed.as_millis().max(1);
        json!({
            "rows": rows.to_string(),
            "pulses": self.pulses.to_string(),
            "accepted": self.accepted.to_string(),
            "duplicates": self.duplicates.to_string(),
            "rejected": self.rejected.to_string(),
            "seconds": format!("{}.{:03}", millis / 1_000, millis % 1_000),
            "pulses_per_second": (u128::from(self.pulses) * 1_000 / millis).to_string(),
        })
    }
}

fn rejection(rejected: &v1::RejectedPulse) -> Rejection {
    Rejection {
        reason: reason_name(rejected.reason),
        field: rejected.field.clone(),
        message: rejected.message.clone(),
        metric: String::new(),
        id: rejected.id.clone(),
        dead_letter_id: rejected.dead_letter_id.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::Content;
    use super::super::source::Format;
    use super::*;
    use domain::reject::RejectReason;

    fn place(number: u64, index: usize) -> Place {
        let content = Content::Object(serde_json::Map::new());
        Place { row: Arc::new(Row { number, content }), index }
    }

    #[test]
    fn every_pulse_is_counted_once_and_rejected_ones_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("side.ndjson");
        let metrics = vec!["in=llm.input:token".parse().unwrap(), "out=llm.output:token".parse().unwrap()];
        let mapping =
            Mapping { tenant: String::new(), source: String::new(), time_column: "t".into(), metrics };
        let mut report = Report::new(&mapping, SideFile::new(path.clone(), Format::Ndjson), None);
        let rejected = v1::RejectedPulse {
            index: 3,
            id: "d".into(),
            reason: 3,
            field: "sku".into(),
            ..Default::default()
        };
        let result = v1::BatchResult {
            accepted_count: 2,
            duplicate_count: 1,
            rejections: vec![rejected],
            ..Default::default()
        };
        let tags = (0..4).map(|index| place(index / 2 + 1, usize::try_from(index % 2).unwrap())).collect();
        let batch = Batch { pulses: vec![v1::Pulse::default(); 4], tags };
        report.take(&Answered { batch, result }).unwrap();
        report
            .refuse(&place(3, 0), &Reject::new(RejectReason::InvalidTime, "event_time", "must be a time"))
            .unwrap();
        assert_eq!(report.finish().unwrap(), Exit::Partial);
        let summary = report.summary(3, Duration::from_millis(2_500));
        let expected = json!({"rows": "3", "pulses": "5", "accepted": "2", "duplicates": "1", "rejected": "2",
            "seconds": "2.500", "pulses_per_second": "2"});
        assert_eq!(summary, expected);
        let side = std::fs::read_to_string(path).unwrap();
        let reasons: Vec<Value> = side
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["rejected"].clone())
            .collect();
        assert_eq!((&reasons[0]["reason"], &reasons[0]["metric"]), (&json!("UNKNOWN_SKU"), &json!("out")));
        assert_eq!((&reasons[1]["reason"], &reasons[1]["metric"]), (&json!("INVALID_TIME"), &json!("in")));
    }
}
