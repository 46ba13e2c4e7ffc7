//! Reading a slice's ids: any number of small ones at a time, and few of those that do not fit a chunk.

use domain::port::{CellStore, Query, StoreError, read_all};
use domain::table::Cell;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Large slices that are read at a time: of a busy minute one takes tens of megabytes until it is fingerprints.
const LARGE_MAX: usize = 4;

/// The room that partitions share.
#[derive(Clone)]
pub(super) struct Slices(Arc<Semaphore>);

impl Slices {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(LARGE_MAX)))
    }

    /// All of a slice. What its first chunk does not end is read again from the start once there is room.
    pub(super) async fn read(&self, store: &dyn CellStore, query: Query) -> Result<Vec<Cell>, StoreError> {
        let first = store.read(&query).await?;
        if first.next.is_none() {
            return Ok(first.cells);
        }
        drop(first);
        let _room = self.0.acquire().await.expect("it is never closed");
        read_all(store, query).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use bytes::Bytes;
    use domain::port::{Chunk, PageState};
    use domain::table::LEDGER;
    use futures::FutureExt;
    use futures::future::join_all;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Notify;

    /// Answers first chunks at once and second ones when it is told to.
    #[derive(Default)]
    struct Store {
        chunks: usize,
        waiting: AtomicUsize,
        go_on: Notify,
    }

    #[async_trait]
    impl CellStore for Store {
        async fn write(&self, _: Vec<Cell>) -> Result<(), StoreError> {
            Ok(())
        }

        async fn read(&self, query: &Query) -> Result<Chunk, StoreError> {
            if query.resume.is_some() {
                self.waiting.fetch_add(1, Ordering::Relaxed);
                self.go_on.notified().await;
                return Ok(Chunk { cells: Vec::new(), next: None });
            }
            let next = (self.chunks > 1).then(|| PageState(Bytes::from_static(b"1")));
            Ok(Chunk { cells: Vec::new(), next })
        }
    }

    async fn read_ten(store: &Store, slices: &Slices) -> usize {
        let query = || Query::all(&LEDGER, Vec::new());
        let all = join_all((0..10).map(|_| slices.read(store, query()))).await;
        all.into_iter().flatten().count()
    }

    #[test]
    fn few_large_slices_are_read_at_a_time_and_all_in_the_end() {
        let (store, slices) = (Store { chunks: 2, ..Store::default() }, Slices::new());
        let mut all = Box::pin(read_ten(&store, &slices));
        for begun in [4, 8, 10] {
            assert!(all.as_mut().now_or_never().is_none());
            assert_eq!(store.waiting.load(Ordering::Relaxed), begun);
            store.go_on.notify_waiters();
        }
        assert_eq!(all.now_or_never(), Some(10));
    }

    #[test]
    fn small_slices_wait_for_nothing() {
        let (store, slices) = (Store::default(), Slices::new());
        let _taken = slices.0.try_acquire_many(4).unwrap();
        assert_eq!(read_ten(&store, &slices).now_or_never(), Some(10));
    }
}
