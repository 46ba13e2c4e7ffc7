//! The places of a door: so many connections at a time. Where all are taken, who has said nothing yet gives way.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot::{self, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// All places.
pub struct Places {
    count: usize,
    free: Arc<Semaphore>,
    /// A notice for each connection that may have said nothing yet, those that came first in front.
    silent: Mutex<VecDeque<Sender<()>>>,
}

/// One of them; it is free again when this goes.
pub struct Place {
    _permit: OwnedSemaphorePermit,
    /// Comes true when somebody else needs the place. Whoever drops it keeps the place.
    pub notice: Option<Receiver<()>>,
}

impl Places {
    /// So many.
    pub fn new(count: usize) -> Self {
        let count = count.min(Semaphore::MAX_PERMITS);
        Self { count, free: Arc::new(Semaphore::new(count)), silent: Mutex::default() }
    }

    /// A place, once there is one. Only who waits asks another to go.
    pub async fn take(&self) -> Place {
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            return self.occupy(permit);
        }
        self.give_notice();
        let permit = Arc::clone(&self.free).acquire_owned().await.expect("the places are never closed");
        self.occupy(permit)
    }

    fn occupy(&self, permit: OwnedSemaphorePermit) -> Place {
        let (sender, notice) = oneshot::channel();
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        if silent.len() >= self.count {
            silent.retain(|notice| !notice.is_closed());
        }
        silent.push_back(sender);
        Place { _permit: permit, notice: Some(notice) }
    }

    /// Asks the first that has said nothing to go; without one, the door waits until somebody goes.
    fn give_notice(&self) {
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        while silent.pop_front().is_some_and(|notice| notice.send(()).is_err()) {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn the_first_that_said_nothing_is_asked_to_go_and_nobody_else() {
        let places = Places::new(3);
        let mut held = [places.take().await, places.take().await, places.take().await];
        held[0].notice = None;
        assert!(places.take().now_or_never().is_none(), "all are taken");
        let asked = |place: &mut Place| place.notice.as_mut().is_some_and(|notice| notice.try_recv().is_ok());
        assert_eq!(held.each_mut().map(asked), [false, true, false]);
    }

    #[tokio::test]
    async fn a_place_that_is_free_costs_nobody_another() {
        let places = Places::new(2);
        let mut held = places.take().await;
        drop(places.take().await);
        drop(places.take().await);
        assert!(held.notice.as_mut().unwrap().try_recv().is_err());
    }

    #[tokio::test]
    async fn what_is_remembered_of_connections_does_not_grow() {
        let places = Places::new(2);
        let _held = places.take().await;
        for _ in 0..100 {
            drop(places.take().await);
        }
        assert!(places.silent.lock().unwrap().len() <= 3);
    }
}
