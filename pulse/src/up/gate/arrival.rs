//! The time in which a request's body must have come.

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How long a body may take to its end.
pub const BODY_MAX: Duration = Duration::from_secs(20);
/// How much of that is left once the process is on its way down: who waits for a body must not hold it up.
pub const BODY_MAX_CLOSING: Duration = Duration::from_secs(2);

/// Whether a body came too late.
#[derive(Clone, Debug, Default)]
pub struct Lateness(Arc<AtomicBool>);

impl Lateness {
    /// Whether it did.
    pub fn is_noted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The body, which fails where it has not come to its end in time; whether it did shows in the lateness.
pub fn in_time(body: Body, closing: CancellationToken) -> (Body, Lateness) {
    let lateness = Lateness::default();
    if body.is_end_stream() {
        return (body, lateness);
    }
    let arriving = Arriving { body, closing, over: None, lateness: lateness.clone() };
    (Body::new(arriving), lateness)
}

struct Arriving {
    body: Body,
    closing: CancellationToken,
    /// There once the body is waited for: most are there with their head.
    over: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    lateness: Lateness,
}

impl Arriving {
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        let closing = &self.closing;
        let over = self.over.get_or_insert_with(|| Box::pin(over(closing.clone())));
        over.as_mut().poll(context).is_ready()
    }
}

async fn over(closing: CancellationToken) {
    let closed = async {
        closing.cancelled().await;
        sleep(BODY_MAX_CLOSING).await;
    };
    tokio::select! {
        () = sleep(BODY_MAX) => {}
        () = closed => {}
    }
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if frame.is_ready() {
            return frame.map_err(Into::into);
        }
        if !self.is_over(context) {
            return Poll::Pending;
        }
        self.lateness.0.store(true, Ordering::Relaxed);
        let late = io::Error::new(io::ErrorKind::TimedOut, "the body did not come in time");
        Poll::Ready(Some(Err(late.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use futures::{StreamExt, stream};
    use tokio::time::Instant;

    /// A body that begins and never ends.
    fn endless() -> Body {
        Body::from_stream(stream::iter([Ok::<_, io::Error>("begun")]).chain(stream::pending()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_without_end_fails_at_its_time() {
        let started = Instant::now();
        let (body, lateness) = in_time(endless(), CancellationToken::new());
        assert!(to_bytes(body, 100).await.is_err());
        assert_eq!((started.elapsed(), lateness.is_noted()), (BODY_MAX, true));
    }

    #[tokio::test(start_paused = true)]
    async fn on_the_way_down_it_is_waited_for_less() {
        let closing = CancellationToken::new();
        let (body, lateness) = in_time(endless(), closing.clone());
        let started = Instant::now();
        let close = async {
            sleep(Duration::from_secs(5)).await;
            closing.cancel();
        };
        let (read, ()) = tokio::join!(to_bytes(body, 100), close);
        assert!(read.is_err() && lateness.is_noted());
        assert_eq!(started.elapsed(), Duration::from_secs(5) + BODY_MAX_CLOSING);
    }

    #[tokio::test]
    async fn a_whole_body_is_what_it_was_and_as_long() {
        let (body, lateness) = in_time(Body::from("whole"), CancellationToken::new());
        assert_eq!(body.size_hint().exact(), Some(5));
        assert_eq!(to_bytes(body, 100).await.unwrap(), "whole");
        assert!(!lateness.is_noted());
    }
}
