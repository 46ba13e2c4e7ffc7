//! Messages that have begun and not ended: the bytes of all of them together are bounded, whatever the connections.
//!
//! A message is put together before it can be read and counted in the edge's own budget. Without a bound here many calls
//! that stop just before their last byte would take as much memory as they like.

use crate::not_taken::NotTaken;
use axum::BoxError;
use axum::body::Body;
use futures::StreamExt;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;

/// Of a message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// The body, whose messages take of the budget what has arrived of them until they end.
pub(super) fn bounded(body: Body, budget: Arc<Semaphore>) -> Body {
    let mut partial = Partial::new(budget);
    Body::from_stream(body.into_data_stream().map(move |chunk| {
        let chunk = chunk.map_err(BoxError::from)?;
        partial.take(&chunk)?;
        Ok::<_, BoxError>(chunk)
    }))
}

/// How far the message that is arriving has come.
struct Partial {
    budget: Arc<Semaphore>,
    prefix: Vec<u8>,
    missing: usize,
    arrived: usize,
    held: Option<OwnedSemaphorePermit>,
}

impl Partial {
    fn new(budget: Arc<Semaphore>) -> Self {
        Self { budget, prefix: Vec::with_capacity(PREFIX_BYTES), missing: 0, arrived: 0, held: None }
    }

    fn take(&mut self, mut chunk: &[u8]) -> Result<(), Status> {
        while !chunk.is_empty() {
            chunk = if self.missing == 0 { self.begin(chunk) } else { self.go_on(chunk) };
        }
        self.held = None;
        if self.arrived == 0 {
            return Ok(());
        }
        let permits = u32::try_from(self.arrived).unwrap_or(u32::MAX);
        let full = |_| NotTaken::overloaded("as many messages as fit are arriving");
        self.held = Some(Arc::clone(&self.budget).try_acquire_many_owned(permits).map_err(full)?);
        Ok(())
    }

    /// Reads of a message's prefix what is there, and returns the rest.
    fn begin<'a>(&mut self, chunk: &'a [u8]) -> &'a [u8] {
        let (prefix, rest) = chunk.split_at(chunk.len().min(PREFIX_BYTES - self.prefix.len()));
        self.prefix.extend_from_slice(prefix);
        if let [_, length @ ..] = &self.prefix[..]
            && let Ok(length) = <[u8; 4]>::try_from(length)
        {
            self.missing = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
            self.prefix.clear();
        }
        rest
    }

    fn go_on<'a>(&mut self, chunk: &'a [u8]) -> &'a [u8] {
        let (message, rest) = chunk.split_at(chunk.len().min(self.missing));
        self.missing -= message.len();
        self.arrived = if self.missing == 0 { 0 } else { self.arrived + message.len() };
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use proptest::prelude::*;
    use tonic_types::StatusExt;

    fn partial(budget: usize) -> Partial {
        Partial::new(Arc::new(Semaphore::new(budget)))
    }

    fn message(length: u8) -> Vec<u8> {
        [vec![0, 0, 0, 0, length], vec![b'x'; length.into()]].concat()
    }

    #[test]
    fn a_message_holds_what_has_arrived_until_it_ends() {
        let mut partial = partial(100);
        let free = |partial: &Partial| partial.budget.available_permits();
        let bytes = [message(10), message(0), message(30)].concat();
        for (chunk, held) in
            [(0..4, 0), (4..9, 4), (9..14, 9), (14..15, 0), (15..22, 0), (22..45, 20), (45..55, 0)]
        {
            partial.take(&bytes[chunk.clone()]).unwrap();
            assert_eq!(free(&partial), 100 - held, "{chunk:?}");
        }
        partial.take(&message(50)[..40]).unwrap();
        let budget = Arc::clone(&partial.budget);
        drop(partial);
        assert_eq!(budget.available_permits(), 100);
    }

    #[test]
    fn past_the_budget_a_message_is_refused_and_may_come_again() {
        let mut one = partial(50);
        let mut other = Partial::new(Arc::clone(&one.budget));
        one.take(&message(60)[..35]).unwrap();
        let status = other.take(&message(60)[..30]).unwrap_err();
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "OVERLOADED");
        assert!(details.retry_info().is_some());
        drop(one);
        let mut again = Partial::new(Arc::clone(&other.budget));
        assert!(again.take(&message(60)[..30]).is_ok());
    }

    #[tokio::test]
    async fn the_bytes_of_a_body_stay_as_they_are() {
        let bytes = [message(200), message(3)].concat();
        let chunks = bytes.chunks(7).map(|chunk| Ok::<_, BoxError>(chunk.to_vec())).collect::<Vec<_>>();
        let body = bounded(Body::from_stream(stream::iter(chunks)), Arc::new(Semaphore::new(200)));
        assert_eq!(axum::body::to_bytes(body, 1_000).await.unwrap(), bytes);
    }

    proptest! {
        #[test]
        fn however_it_is_cut_whole_messages_hold_nothing(
            lengths in prop::collection::vec(0_u8..60, 0..6),
            size in 1_usize..20,
        ) {
            let bytes: Vec<u8> = lengths.iter().flat_map(|length| message(*length)).collect();
            let mut partial = partial(60);
            for chunk in bytes.chunks(size) {
                partial.take(chunk).unwrap();
            }
            prop_assert_eq!((partial.budget.available_permits(), partial.prefix.len(), partial.missing), (60, 0, 0));
        }
    }
}
