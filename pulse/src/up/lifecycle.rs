//! The way down: not ready, stop accepting, finish requests, flush, checkpoint, close; a deadline bounds it all.

use anyhow::Context;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The two stages of the way down and the tasks of each.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    /// Cancelled first: nothing new is accepted, and nothing says it is ready.
    pub stop_accepting: CancellationToken,
    /// The doors and their requests.
    pub requests: TaskTracker,
    /// Cancelled when the last request is answered: what was read is flushed and checkpointed.
    pub stop_working: CancellationToken,
    /// The consumer, the pricing worker, the catalogue's view, housekeeping.
    pub work: TaskTracker,
}

impl Lifecycle {
    /// Runs a task that never ends by itself, until the work is stopped.
    pub fn keep(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop_working.clone();
        self.work.spawn(async move { stop.run_until_cancelled(task).await });
    }

    /// Goes down. `None`: the deadline passed first.
    pub async fn drain(&self, deadline: Duration) -> Option<()> {
        let stages = async {
            self.stop_accepting.cancel();
            self.requests.close();
            self.requests.wait().await;
            self.stop_working.cancel();
            self.work.close();
            self.work.wait().await;
        };
        timeout(deadline, stages).await.ok()
    }
}

/// What asks the process to end: SIGTERM, SIGINT, or the time it was given.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    exit_at: Option<Instant>,
}

impl Signals {
    /// Listens from now on.
    pub fn install(exit_after: Option<Duration>) -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("listening for signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            exit_at: exit_after.map(|after| Instant::now() + after),
        })
    }

    /// Waits for the next of them; the time comes once.
    pub async fn next(&mut self) {
        let exit_at = self.exit_at;
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            () = at(exit_at), if exit_at.is_some() => self.exit_at = None,
        }
    }
}

fn at(instant: Option<Instant>) -> Sleep {
    sleep_until(instant.unwrap_or_else(Instant::now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[tokio::test(start_paused = true)]
    async fn requests_are_finished_before_the_work_is_stopped() {
        let lifecycle = Lifecycle::default();
        let order = Arc::new(Mutex::new(Vec::new()));
        let (soft, hard) = (lifecycle.stop_accepting.clone(), lifecycle.stop_working.clone());
        let (first, second) = (Arc::clone(&order), Arc::clone(&order));
        lifecycle.requests.spawn(async move {
            soft.cancelled().await;
            tokio::time::sleep(Duration::from_secs(3)).await;
            first.lock().unwrap().push("answered");
        });
        lifecycle.work.spawn(async move {
            hard.cancelled().await;
            second.lock().unwrap().push("checkpointed");
        });
        assert_eq!(lifecycle.drain(Duration::from_secs(10)).await, Some(()));
        assert_eq!(*order.lock().unwrap(), ["answered", "checkpointed"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_kept_running_ends_with_the_work() {
        let lifecycle = Lifecycle::default();
        lifecycle.keep(std::future::pending());
        let started = Instant::now();
        assert_eq!(lifecycle.drain(Duration::from_secs(10)).await, Some(()));
        assert_eq!(started.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_bounds_a_drain_that_hangs() {
        let lifecycle = Lifecycle::default();
        lifecycle.requests.spawn(std::future::pending::<()>());
        let started = Instant::now();
        assert_eq!(lifecycle.drain(Duration::from_secs(10)).await, None);
        assert_eq!(started.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn the_given_time_ends_it_once() {
        let mut signals = Signals::install(Some(Duration::from_secs(5))).unwrap();
        let started = Instant::now();
        signals.next().await;
        assert_eq!(started.elapsed().as_secs(), 5);
        assert!(timeout(Duration::from_secs(60), signals.next()).await.is_err());
    }
}
