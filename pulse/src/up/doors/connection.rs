//! A connection: holds one of the places there are, and is given up when its peer says nothing or does not take what it
//! asked for.

use super::places::Place;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};
use tonic::transport::server::{Connected, TcpConnectInfo};

/// How long a peer may leave an answer lying before it is given up.
const STALL_MAX: Duration = Duration::from_secs(30);
/// How long a peer may say nothing at all before it is given up.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// A stream of bytes with its place.
pub struct Connection<S> {
    stream: S,
    stall: Stall,
    silence: Option<Silence>,
    place: Place,
}

impl<S> Connection<S> {
    /// A stream on a place; the place is free again when the connection goes.
    pub fn new(stream: S, place: Place) -> Self {
        Self { stream, stall: Stall::default(), silence: Some(Silence::new()), place }
    }
}

/// A peer that has said nothing yet: it goes after a while, or when its place is needed.
struct Silence(Pin<Box<Sleep>>);

impl Silence {
    fn new() -> Self {
        Self(Box::pin(sleep(SILENCE_MAX)))
    }

    fn poll(&mut self, context: &mut Context<'_>, place: &mut Place) -> Poll<io::Error> {
        if self.0.as_mut().poll(context).is_ready() {
            return Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "the peer says nothing"));
        }
        match place.notice.as_mut().map(|notice| Pin::new(notice).poll(context)) {
            Some(Poll::Ready(Ok(()))) => {
                let cause = "the peer says nothing, and another needs its place";
                Poll::Ready(io::Error::new(io::ErrorKind::ConnectionAborted, cause))
            }
            Some(Poll::Ready(Err(_))) => {
                // The door is closed: nobody will need the place.
                place.notice = None;
                Poll::Pending
            }
            Some(Poll::Pending) | None => Poll::Pending,
        }
    }
}

/// Watches how long a peer has taken nothing.
#[derive(Default)]
struct Stall {
    timer: Option<Pin<Box<Sleep>>>,
    is_waiting: bool,
}

impl Stall {
    fn watch<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.is_waiting = false;
            return written;
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(STALL_MAX)));
        if !self.is_waiting {
            self.is_waiting = true;
            timer.as_mut().reset(Instant::now() + STALL_MAX);
        }
        ready!(timer.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer takes nothing")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        let Some(silence) = &mut this.silence else { return read };
        if read.is_pending() {
            return silence.poll(context, &mut this.place).map(Err);
        }
        (this.silence, this.place.notice) = (None, None);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.stall.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.stall.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.stall.watch(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.stream).poll_shutdown(context);
        self.stall.watch(context, closed)
    }
}

impl Connected for Connection<TcpStream> {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.stream.connect_info()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::up::doors::places::Places;
    use futures::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    /// A connection whose pipe holds four bytes, and its peer.
    async fn pair(places: &Places) -> (Connection<DuplexStream>, DuplexStream) {
        let (ours, theirs) = duplex(4);
        (Connection::new(ours, places.take().await), theirs)
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_given_up() {
        let (mut ours, _theirs) = pair(&Places::new(1)).await;
        let started = Instant::now();
        let error = ours.write_all(b"an answer that does not fit").await.unwrap_err();
        assert_eq!((error.kind(), started.elapsed()), (io::ErrorKind::TimedOut, STALL_MAX));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_peer_that_goes_on_taking_is_served_to_the_end() {
        let (mut ours, mut theirs) = pair(&Places::new(1)).await;
        let started = Instant::now();
        let taking = async {
            let mut taken = Vec::new();
            while taken.len() < 12 {
                tokio::time::sleep(STALL_MAX * 29 / 30).await;
                let mut bytes = [0; 4];
                theirs.read_exact(&mut bytes).await.unwrap();
                taken.extend(bytes);
            }
            taken
        };
        let (written, taken) = tokio::join!(ours.write_all(b"three pieces"), taking);
        written.unwrap();
        assert_eq!(taken, b"three pieces");
        assert!(started.elapsed() > STALL_MAX, "the whole may take longer than one piece");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_asks_for_nothing_may_be_silent() {
        let (mut ours, mut theirs) = pair(&Places::new(1)).await;
        ours.write_all(b"ok").await.unwrap();
        tokio::time::sleep(STALL_MAX * 10).await;
        theirs.write_all(b"next").await.unwrap();
        let mut bytes = [0; 4];
        ours.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"next");
        ours.write_all(b"ok").await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_never_says_anything_is_given_up_and_one_that_did_is_not() {
        let (mut ours, _theirs) = pair(&Places::new(1)).await;
        let started = Instant::now();
        let error = ours.read(&mut [0; 4]).await.unwrap_err();
        assert_eq!((error.kind(), started.elapsed()), (io::ErrorKind::TimedOut, SILENCE_MAX));
        let (mut ours, mut other) = pair(&Places::new(1)).await;
        other.write_all(b"a").await.unwrap();
        ours.read_exact(&mut [0; 1]).await.unwrap();
        let mut more = [0; 4];
        let waiting = tokio::time::timeout(SILENCE_MAX * 10, ours.read(&mut more));
        assert!(waiting.await.is_err(), "what is between two requests is for others to bound");
    }

    #[tokio::test]
    async fn a_place_is_free_again_when_its_connection_goes() {
        let places = Places::new(1);
        let held = pair(&places).await;
        assert!(places.take().now_or_never().is_none());
        drop(held);
        assert!(places.take().now_or_never().is_some());
    }
}
