//! A soft bound on the memory of the process. Every queue has a bound of its own; this one is for what they add up to
//! with what the allocator keeps. Past it a few requests at a time go on, so that there is always a way back.

use crate::metrics::count_shed;
use crate::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{MissedTickBehavior, interval};

/// How often it is looked at.
const INTERVAL: Duration = Duration::from_millis(500);
/// Requests served at a time while memory is short.
const REQUESTS_WHILE_SHORT: usize = 8;
/// When to come again.
pub const RETRY_SECONDS: u32 = 1;

/// Whether memory is short; a clone tells the same.
#[derive(Clone)]
pub struct Memory {
    bytes_max: u64,
    is_short: Arc<AtomicBool>,
    places: Arc<Semaphore>,
}

/// A request may be served, and holds its place until this goes.
pub struct Admitted {
    _place: Option<OwnedSemaphorePermit>,
}

impl Memory {
    /// Memory of which the process should hold so much at most.
    pub fn new(bytes_max: u64) -> Self {
        Self { bytes_max, is_short: Arc::default(), places: Arc::new(Semaphore::new(REQUESTS_WHILE_SHORT)) }
    }

    /// Looks again and again for as long as it is polled.
    pub async fn watch(self) {
        let mut looks = interval(INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            if let Some(bytes) = process::resident_bytes() {
                self.note(bytes);
            }
        }
    }

    /// Whether the bound is passed.
    pub fn is_short(&self) -> bool {
        self.is_short.load(Ordering::Relaxed)
    }

    /// Lets a request in; `None`: it is to come again.
    pub fn admit(&self, door: &'static str) -> Option<Admitted> {
        if !self.is_short() {
            return Some(Admitted { _place: None });
        }
        let place = Arc::clone(&self.places).try_acquire_owned().ok();
        if place.is_none() {
            count_shed(door);
        }
        place.map(|place| Admitted { _place: Some(place) })
    }

    /// Judges what the process holds.
    pub(super) fn note(&self, bytes: u64) {
        let is_short = bytes > self.bytes_max;
        if self.is_short.swap(is_short, Ordering::Relaxed) != is_short {
            let bytes_max = self.bytes_max;
            if is_short {
                tracing::warn!(bytes, bytes_max, "memory is short: few requests are served at a time");
            } else {
                tracing::info!(bytes, bytes_max, "memory is no longer short");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn within_the_bound_everybody_is_let_in() {
        let memory = Memory::new(1_000);
        memory.note(1_000);
        let admitted: Vec<_> = (0..1_000).map(|_| memory.admit("http")).collect();
        assert!(!memory.is_short() && admitted.iter().all(Option::is_some));
    }

    #[test]
    fn past_the_bound_a_few_go_on_and_a_place_that_is_free_is_given_again() {
        let memory = Memory::new(1_000);
        memory.note(1_001);
        let mut admitted: Vec<_> = (0..REQUESTS_WHILE_SHORT).map(|_| memory.admit("http")).collect();
        assert!(admitted.iter().all(Option::is_some));
        assert!(memory.admit("grpc").is_none());
        admitted.pop();
        assert!(memory.admit("grpc").is_some());
    }

    #[test]
    fn when_memory_is_back_so_is_the_service() {
        let memory = Memory::new(1_000);
        memory.note(2_000);
        let _held: Vec<_> = (0..REQUESTS_WHILE_SHORT).map(|_| memory.admit("http")).collect();
        assert!(memory.admit("http").is_none());
        memory.note(900);
        assert!(memory.admit("http").is_some());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test(start_paused = true)]
    async fn the_watch_sees_what_the_process_holds() {
        for (bytes_max, is_short) in [(1, true), (u64::MAX, false)] {
            let memory = Memory::new(bytes_max);
            let watch = memory.clone().watch();
            let _ = tokio::time::timeout(INTERVAL * 3, watch).await;
            assert_eq!(memory.is_short(), is_short, "{bytes_max}");
        }
    }
}
