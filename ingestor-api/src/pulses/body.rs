//! Receiving a body: within a bound and a budget, whatever the client does. Its time is the door's.

use super::decompress::decompress;
use super::media::Encoding;
use crate::batch::BATCH_BYTES_MAX;
use crate::not_taken::NotTaken;
use axum::body::{Body, HttpBody};
use bytes::BytesMut;
use domain::code::Code;
use futures::StreamExt;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A whole body, decompressed; it holds its piece of the budget.
#[derive(Debug)]
pub(super) struct Received {
    bytes: BytesMut,
    _permit: OwnedSemaphorePermit,
}

impl Received {
    /// Its text.
    pub fn text(&self) -> Result<&str, NotTaken> {
        let refuse = |error| breaks_rule(Code::InvalidArgument, format_args!("must be UTF-8: {error}"));
        std::str::from_utf8(&self.bytes).map_err(refuse)
    }
}

/// Receives a body, which takes of the budget what has arrived of it.
pub(super) async fn receive(
    body: Body,
    encoding: Encoding,
    budget: &Arc<Semaphore>,
) -> Result<Received, NotTaken> {
    let received = collect(body, budget).await?;
    if encoding == Encoding::Identity {
        return Ok(received);
    }
    let bytes = decompress(encoding, &received.bytes)?;
    let permit = reserve(budget, bytes.len())?;
    Ok(Received { bytes, _permit: permit })
}

/// Copies the chunks together: a slice of a connection's buffer, kept, would hold the whole buffer.
async fn collect(body: Body, budget: &Arc<Semaphore>) -> Result<Received, NotTaken> {
    if body.size_hint().lower() > BATCH_BYTES_MAX as u64 {
        return Err(too_large());
    }
    let (mut bytes, mut permit) = (BytesMut::new(), reserve(budget, 0)?);
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| breaks_rule(Code::InvalidArgument, "ended early"))?;
        if bytes.len() + chunk.len() > BATCH_BYTES_MAX {
            return Err(too_large());
        }
        permit.merge(reserve(budget, chunk.len())?);
        bytes.extend_from_slice(&chunk);
    }
    Ok(Received { bytes, _permit: permit })
}

fn reserve(budget: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit, NotTaken> {
    let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
    let full = |_| NotTaken::overloaded("as many bodies as fit are being received");
    Arc::clone(budget).try_acquire_many_owned(permits).map_err(full)
}

/// The refusal of a body over its bound.
pub(super) fn too_large() -> NotTaken {
    breaks_rule(Code::TooLarge, "must take at most 1 MiB, also decompressed")
}

/// The refusal of a body as a whole.
pub(super) fn breaks_rule(code: Code, rule: impl std::fmt::Display) -> NotTaken {
    NotTaken::breaks_rule(code, "body", rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt, stream};
    use std::io;

    fn budget(bytes: usize) -> Arc<Semaphore> {
        Arc::new(Semaphore::new(bytes))
    }

    fn chunked(chunks: impl IntoIterator<Item = Result<Vec<u8>, io::Error>>) -> Body {
        Body::from_stream(stream::iter(chunks.into_iter().collect::<Vec<_>>()))
    }

    async fn code(body: Body, budget: &Arc<Semaphore>) -> Code {
        receive(body, Encoding::Identity, budget).await.unwrap_err().code
    }

    #[tokio::test]
    async fn chunks_are_put_together_and_given_back_when_read() {
        let budget = budget(10);
        let body = chunked([Ok(b"ab".to_vec()), Ok(Vec::new()), Ok("cé".into())]);
        let received = receive(body, Encoding::Identity, &budget).await.unwrap();
        assert_eq!((received.text(), budget.available_permits()), (Ok("abcé"), 5));
        drop(received);
        assert_eq!(budget.available_permits(), 10);
    }

    #[tokio::test]
    async fn a_body_over_the_bound_is_refused_whether_it_says_its_length_or_not() {
        let budget = budget(4 * BATCH_BYTES_MAX);
        assert_eq!(code(Body::from(vec![b' '; BATCH_BYTES_MAX + 1]), &budget).await, Code::TooLarge);
        let chunks = || (0..BATCH_BYTES_MAX / 1_024).map(|_| Ok(vec![b' '; 1_024]));
        assert!(receive(chunked(chunks()), Encoding::Identity, &budget).await.is_ok());
        assert_eq!(code(chunked(chunks().chain([Ok(vec![b' '])])), &budget).await, Code::TooLarge);
        assert_eq!(budget.available_permits(), 4 * BATCH_BYTES_MAX);
    }

    #[tokio::test]
    async fn past_the_budget_a_body_is_refused_and_may_come_again() {
        let budget = budget(10);
        let (held, more) = (vec![Ok(b"12345678".to_vec())], stream::pending::<Result<Vec<u8>, io::Error>>());
        let endless = Body::from_stream(stream::iter(held).chain(more));
        let mut slow = Box::pin(receive(endless, Encoding::Identity, &budget));
        assert!(slow.as_mut().now_or_never().is_none());
        assert_eq!(budget.available_permits(), 2, "only what has arrived is taken");
        let refusal = receive(Body::from("123"), Encoding::Identity, &budget).await.unwrap_err();
        assert_eq!((refusal.code, refusal.retry_delay().is_some()), (Code::Overloaded, true));
        drop(slow);
        assert!(receive(Body::from("123"), Encoding::Identity, &budget).await.is_ok());
    }

    #[tokio::test]
    async fn a_broken_client_is_told_and_holds_nothing() {
        let budget = budget(100);
        let broken = chunked([Ok(vec![b'{']), Err(io::ErrorKind::ConnectionReset.into())]);
        assert_eq!(code(broken, &budget).await, Code::InvalidArgument);
        assert_eq!(budget.available_permits(), 100);
    }

    #[tokio::test]
    async fn what_is_no_text_is_refused() {
        let received = receive(Body::from(vec![b'{', 0xff]), Encoding::Identity, &budget(10)).await.unwrap();
        let refusal = received.text().unwrap_err();
        assert_eq!((refusal.code, refusal.field), (Code::InvalidArgument, Some("body")));
    }
}
