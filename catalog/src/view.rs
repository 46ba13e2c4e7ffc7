//! The catalogue in memory: follows its log, and knows up to which instant it was at the log's end.

use crate::fold::{Halt, Outcome};
use crate::metrics;
use crate::state::State;
use domain::generation::Registry;
use domain::port::{Clock, Log, LogError, RegistryView, TopicPartition};
use domain::time::Timestamp;
use domain::topic::CATALOG;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tokio::sync::{Mutex, broadcast, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

mod admission;
mod follow;
mod history;
#[cfg(test)]
mod tests;

use history::History;
pub use history::Seen;

/// Outcomes kept for those who wait for theirs; who falls further behind than this does not learn it.
const OUTCOMES_KEPT: usize = 4_096;

/// A view of the catalogue; a clone is the same view.
#[derive(Clone)]
pub struct View(Arc<Shared>);

struct Shared {
    log: Arc<dyn Log>,
    clock: Arc<dyn Clock>,
    followed: watch::Sender<Followed>,
    outcomes: broadcast::Sender<(u64, Outcome)>,
    /// The clock reading, in nanoseconds, as of which the view was last at the log's end.
    confirmed: AtomicI64,
    /// Catch-ups begun, and under the lock the number of the last one that ended well.
    begun: AtomicU64,
    caught_up: Mutex<u64>,
    history: Mutex<History>,
}

/// How far the log is folded.
struct Followed {
    state: Arc<State>,
    halt: Option<Halt>,
}

/// Why the view cannot answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    /// The log says something that this process does not know.
    #[error(transparent)]
    Halted(#[from] Halt),
    /// The log cannot be asked.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log ends below what was folded of it: it is another one, or an older copy.
    #[error(
        "the catalogue's log ends at offset {end}, {folded} was already reached: restore the log, and start this process again"
    )]
    Short {
        /// Where it ends.
        end: u64,
        /// What was folded before that was asked for.
        folded: u64,
    },
    /// The log has no registry: it was never begun.
    #[error("the catalogue's log holds no registry of generations")]
    Empty,
}

impl View {
    /// Follows the log from its beginning.
    pub async fn open(
        log: Arc<dyn Log>,
        clock: Arc<dyn Clock>,
        shutdown: CancellationToken,
        tracker: &TaskTracker,
    ) -> Result<Self, ViewError> {
        Self::open_from(State::default(), log, clock, shutdown, tracker).await
    }

    /// Follows the log from a state of it, such as [`snapshot::load`](crate::snapshot::load) finds, on the tracker until
    /// shutdown; returns when the view has been at the log's end.
    pub async fn open_from(
        state: State,
        log: Arc<dyn Log>,
        clock: Arc<dyn Clock>,
        shutdown: CancellationToken,
        tracker: &TaskTracker,
    ) -> Result<Self, ViewError> {
        let view = Self(Arc::new(Shared {
            log,
            clock,
            followed: watch::Sender::new(Followed { state: Arc::new(state), halt: None }),
            outcomes: broadcast::Sender::new(OUTCOMES_KEPT),
            confirmed: AtomicI64::new(i64::MIN),
            begun: AtomicU64::new(0),
            caught_up: Mutex::new(0),
            history: Mutex::default(),
        }));
        tracker.spawn(follow::run(view.clone(), shutdown));
        let state = view.confirm().await?;
        state.registry().is_some().then_some(view).ok_or(ViewError::Empty)
    }

    /// The catalogue as far as it is folded.
    pub fn state(&self) -> Arc<State> {
        Arc::clone(&self.0.followed.borrow().state)
    }

    /// Why the view stands still, if it does.
    pub fn find_halt(&self) -> Option<Halt> {
        self.0.followed.borrow().halt.clone()
    }

    /// The clock reading as of which the view was last at the log's end.
    pub fn confirmed(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.confirmed.load(Ordering::Acquire))
    }

    /// The state, once everything below `offset` is folded in.
    pub async fn at_least(&self, offset: u64) -> Result<Arc<State>, ViewError> {
        let mut followed = self.0.followed.subscribe();
        let reached = |followed: &Followed| followed.state.offset() >= offset || followed.halt.is_some();
        let followed = followed.wait_for(reached).await.expect("the sender lives as long as the view");
        match &followed.halt {
            Some(halt) if followed.state.offset() < offset => Err(halt.clone().into()),
            _ => Ok(Arc::clone(&followed.state)),
        }
    }

    /// The state, once it holds everything that was in the log when this was called. Concurrent calls share one look.
    pub async fn confirm(&self) -> Result<Arc<State>, ViewError> {
        let begun_before = self.0.begun.load(Ordering::Acquire);
        let mut caught_up = self.0.caught_up.lock().await;
        if *caught_up > begun_before {
            return Ok(self.state());
        }
        let number = self.0.begun.fetch_add(1, Ordering::AcqRel) + 1;
        let (now, folded) = (self.0.clock.now(), self.state().offset());
        let end = self.0.log.watermarks(&partition()).await?.high;
        metrics::looked(end, self.state().offset());
        if end < folded {
            return Err(ViewError::Short { end, folded });
        }
        let state = self.at_least(end).await?;
        self.0.confirmed.fetch_max(now.nanos(), Ordering::AcqRel);
        *caught_up = number;
        Ok(state)
    }

    /// What becomes of the commands that are folded from now on.
    pub(crate) fn outcomes(&self) -> broadcast::Receiver<(u64, Outcome)> {
        self.0.outcomes.subscribe()
    }

    pub(crate) fn log(&self) -> &Arc<dyn Log> {
        &self.0.log
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }
}

impl RegistryView for View {
    fn registry(&self) -> Arc<Registry> {
        Arc::clone(self.state().registry().expect("a view is opened on a log that begins with the registry"))
    }
}

/// The catalogue's one partition.
pub(crate) fn partition() -> TopicPartition {
    TopicPartition::new(CATALOG, 0)
}
