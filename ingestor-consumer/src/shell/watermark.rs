//! Watermarks of all partitions, gathered and written together.

use domain::checkpoint::watermark_key;
use domain::port::CellStore;
use domain::table::Cell;
use domain::time::Timestamp;
use proto::blob::Blob;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::Spot;

const QUEUE: usize = 1_024;

/// The sending end.
#[derive(Clone)]
pub(super) struct Watermarks(mpsc::Sender<(Spot, Timestamp)>);

impl Watermarks {
    pub(super) fn start(store: &Arc<dyn CellStore>, tracker: &TaskTracker) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        tracker.spawn(write_all(Arc::clone(store), receiver));
        Self(sender)
    }

    /// Notes a watermark. A lost one is harmless: the next tick brings a later one.
    pub(super) fn note(&self, spot: Spot, watermark: Timestamp) {
        let _ = self.0.try_send((spot, watermark));
    }
}

async fn write_all(store: Arc<dyn CellStore>, mut receiver: mpsc::Receiver<(Spot, Timestamp)>) {
    let mut waiting = Vec::new();
    while receiver.recv_many(&mut waiting, QUEUE).await > 0 {
        let newest: BTreeMap<Spot, Timestamp> = waiting.drain(..).collect();
        let cells = newest.into_iter().map(|((generation, partition), watermark)| Cell {
            key: watermark_key(generation, partition),
            timestamp: watermark.micros(),
            value: watermark.to_blob(),
        });
        if let Err(error) = store.write(cells.collect()).await {
            tracing::warn!(%error, "watermarks could not be written; the next tick writes later ones");
        }
    }
}
