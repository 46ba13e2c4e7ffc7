//! The second pass over a file: its rows as batches of pulses.

use super::mapping::{Mapping, Origin};
use super::report::{Place, Report};
use super::rows::Row;
use crate::client::delivery::{Batch, Filling, sendable};
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;

/// Fills batches and hands them on when they are full.
pub struct Batches {
    sender: mpsc::Sender<Batch<Place>>,
    report: Arc<Mutex<Report>>,
    filling: Filling<Place>,
}

/// Nobody takes batches any more: the delivery failed, and says why itself.
#[derive(Debug, thiserror::Error)]
#[error("the delivery has ended")]
pub struct Ended;

impl Batches {
    /// An empty batch that goes to `sender`; what cannot be sent goes to the report.
    pub fn new(sender: mpsc::Sender<Batch<Place>>, report: Arc<Mutex<Report>>) -> Self {
        Self { sender, report, filling: Filling::default() }
    }

    /// Adds the pulses of a row. Blocks while enough is on its way.
    pub fn add(&mut self, row: Row, mapping: &Mapping, origin: &Origin) -> anyhow::Result<()> {
        let row = Arc::new(row);
        for (index, pulse) in mapping.pulses(&row, origin).into_iter().enumerate() {
            let place = Place { row: Arc::clone(&row), index };
            match pulse.and_then(|raw| sendable(&raw)) {
                Ok(pulse) => self.hand_on(|filling| filling.push(pulse, place))?,
                Err(reject) => {
                    self.report.lock().expect("no holder of the report panics").refuse(&place, &reject)?;
                }
            }
        }
        Ok(())
    }

    /// Hands on what is left.
    pub fn finish(mut self) -> Result<(), Ended> {
        self.hand_on(Filling::take)
    }

    fn hand_on(
        &mut self,
        fill: impl FnOnce(&mut Filling<Place>) -> Option<Batch<Place>>,
    ) -> Result<(), Ended> {
        let Some(batch) = fill(&mut self.filling) else { return Ok(()) };
        self.report.lock().expect("no holder of the report panics").hand_on(&batch);
        self.sender.blocking_send(batch).map_err(|_| Ended)
    }
}

#[cfg(test)]
mod tests {
    use super::super::rejected::SideFile;
    use super::super::rows::Rows;
    use super::super::source::Format;
    use super::*;
    use std::collections::BTreeSet;

    fn run(text: &str) -> (Vec<Batch<Place>>, serde_json::Value) {
        let directory = tempfile::tempdir().unwrap();
        let metrics = vec!["n=sku:item".parse().unwrap()];
        let mapping =
            Mapping { tenant: "acme".into(), source: String::new(), time_column: "t".into(), metrics };
        let side = SideFile::new(directory.path().join("side.csv"), Format::Csv);
        let report = Arc::new(Mutex::new(Report::new(&mapping, side, None)));
        let (sender, mut receiver) = mpsc::channel(100);
        let mut batches = Batches::new(sender, Arc::clone(&report));
        for row in Rows::new(Format::Csv, text.as_bytes()).unwrap() {
            batches.add(row.unwrap(), &mapping, &Origin::new(&[0; 32], 0)).unwrap();
        }
        batches.finish().unwrap();
        let all = std::iter::from_fn(|| receiver.blocking_recv()).collect();
        let summary = report.lock().unwrap().summary(0, std::time::Duration::from_secs(1));
        (all, summary)
    }

    #[test]
    fn every_row_is_sent_under_an_id_of_its_own() {
        let (batches, summary) = run(&format!("t,n\n{}", "2026-01-01 00:00:00,5\n".repeat(1_001)));
        let ids: BTreeSet<&str> =
            batches.iter().flat_map(|batch| &batch.pulses).map(|pulse| pulse.id.as_str()).collect();
        assert_eq!((batches.len(), ids.len()), (2, 1_001));
        assert_eq!(summary["rejected"], "0");
    }

    #[test]
    fn what_no_server_takes_is_refused_here() {
        let (batches, summary) = run(&format!("t,n\n2026-01-01 00:00:00,{}\nnever,1\n", "1".repeat(17_000)));
        assert_eq!(batches.len(), 0);
        assert_eq!(summary["rejected"], "2");
    }
}
