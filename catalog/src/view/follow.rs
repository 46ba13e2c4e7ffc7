//! The tasks of a view: one folds what comes, one confirms every few seconds that nothing was missed.

use super::{Followed, View, partition};
use crate::fold::Halt;
use crate::metrics;
use crate::state::State;
use domain::port::{Entry, LogError, ReadLimit};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const READ: ReadLimit = ReadLimit { bytes: 1024 * 1024, wait: Duration::from_secs(5) };
const RETRY_DELAY: Duration = Duration::from_millis(200);
/// Well within the five minutes for which a confirmation serves the edges.
const CONFIRM_INTERVAL: Duration = Duration::from_secs(10);

/// Follows the log until shutdown, or until it says something that this process does not know.
pub(super) async fn run(view: View, shutdown: CancellationToken) {
    let tasks = futures::future::join(follow(&view), confirm(&view));
    shutdown.run_until_cancelled(tasks).await;
}

async fn follow(view: &View) {
    let mut state = State::clone(&view.state());
    loop {
        match view.0.log.read(&partition(), state.offset(), READ).await {
            Ok(entries) if entries.is_empty() => {}
            Ok(entries) => {
                let halt = fold(view, &mut state, &entries).err();
                metrics::folded(state.offset());
                let stop = halt.is_some();
                view.0.followed.send_replace(Followed { state: Arc::new(state.clone()), halt });
                if stop {
                    return;
                }
            }
            Err(LogError::OutOfRange { asked: expected, low, high }) => {
                // Read on later it might give other records for those that were folded.
                let halt = Halt::Replaced { expected, low, high };
                tracing::error!(%halt, "the catalogue stands still");
                view.0.followed.send_replace(Followed { state: Arc::new(state), halt: Some(halt) });
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "the catalogue's log cannot be read");
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }
}

fn fold(view: &View, state: &mut State, entries: &[Entry]) -> Result<(), Halt> {
    for entry in entries {
        let outcome =
            state.fold(entry).inspect_err(|halt| tracing::error!(%halt, "the catalogue stands still"))?;
        // Nobody may be waiting.
        let _ = view.0.outcomes.send((entry.offset, outcome));
    }
    Ok(())
}

async fn confirm(view: &View) {
    loop {
        if let Err(error) = view.confirm().await {
            tracing::warn!(%error, "the catalogue's view is not confirmed");
        }
        tokio::time::sleep(CONFIRM_INTERVAL).await;
    }
}
