//! A bounded channel to the store: the aggregation path and the dead-letter path are one each.

use domain::port::{CellStore, StoreError};
use domain::table::Cell;
use futures::StreamExt;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::TaskTracker;

/// Writes waiting in a path before its partitions wait.
const QUEUE: usize = 16;
/// Writes of a path under way at once.
const CONCURRENCY: usize = 8;

struct Job {
    cells: Arc<[Cell]>,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

/// The sending end of a path.
#[derive(Clone)]
pub(super) struct StorePath(mpsc::Sender<Job>);

impl StorePath {
    /// The path ends when its last sender is gone, after the writes it took.
    pub(super) fn start(name: &'static str, store: &Arc<dyn CellStore>, tracker: &TaskTracker) -> Self {
        let (sender, receiver) = mpsc::channel::<Job>(QUEUE);
        let store = Arc::clone(store);
        tracker.spawn(async move {
            let write = |job: Job| {
                let store = Arc::clone(&store);
                async move {
                    let outcome = store.write(job.cells.to_vec()).await;
                    // A partition that was given up has nobody waiting for the answer.
                    drop(job.answer.send(outcome));
                }
            };
            ReceiverStream::new(receiver).for_each_concurrent(CONCURRENCY, write).await;
            tracing::debug!(path = name, "the path to the store has ended");
        });
        Self(sender)
    }

    /// Writes the cells, durable when it returns.
    pub(super) async fn write(&self, cells: Arc<[Cell]>) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        let gone = || StoreError::UnknownOutcome("the path to the store has ended".to_owned());
        self.0.send(Job { cells, answer }).await.map_err(|_| gone())?;
        answered.await.unwrap_or_else(|_| Err(gone()))
    }
}
