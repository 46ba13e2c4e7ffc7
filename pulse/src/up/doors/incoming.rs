//! Who comes in: connections of a listener, as many at a time as there are places. The others wait before the door.

use super::connection::Connection;
use super::places::Places;
use futures::Stream;
use futures::stream;
use std::io;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// How long to wait after the system had no room for another connection.
const PAUSE: Duration = Duration::from_millis(100);

/// A listener and its places.
pub struct Incoming {
    listener: TcpListener,
    places: Places,
}

impl Incoming {
    /// Connections of this listener, so many at a time.
    pub fn new(listener: TcpListener, connections_max: usize) -> Self {
        Self { listener, places: Places::new(connections_max) }
    }

    /// The next connection, once there is a place for it.
    pub async fn next(&self) -> Connection<TcpStream> {
        // It comes first, so that nobody is asked to go for one who is not there.
        let stream = self.accept().await;
        Connection::new(stream, self.places.take().await)
    }

    async fn accept(&self) -> TcpStream {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    // Answers are small and whole: none waits for another. A socket that cannot is served all the same.
                    let _ = stream.set_nodelay(true);
                    return stream;
                }
                Err(error) if is_the_peers(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "no connection can be accepted; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// All of them.
    pub fn into_stream(self) -> impl Stream<Item = io::Result<Connection<TcpStream>>> {
        stream::unfold(self, |incoming| async { Some((Ok(incoming.next().await), incoming)) })
    }
}

/// Whether one connection failed rather than the door.
fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::net::SocketAddr;
    use std::pin::pin;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    /// A door with that many places, and where it is.
    async fn door(places: usize) -> (Incoming, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (Incoming::new(listener, places), address)
    }

    /// A client that has said something, and the connection that it was let in by.
    async fn talk(incoming: &Incoming, address: SocketAddr) -> (TcpStream, Connection<TcpStream>) {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET").await.unwrap();
        let mut connection = incoming.next().await;
        connection.read_exact(&mut [0; 3]).await.unwrap();
        (client, connection)
    }

    #[tokio::test]
    async fn past_its_places_a_door_lets_nobody_in_until_somebody_goes() {
        let (incoming, address) = door(2).await;
        let first = talk(&incoming, address).await;
        let _second = talk(&incoming, address).await;
        let _third = TcpStream::connect(address).await.unwrap();
        let mut waits = pin!(incoming.next());
        assert!(timeout(Duration::from_millis(50), waits.as_mut()).await.is_err());
        drop(first);
        timeout(Duration::from_secs(5), waits).await.expect("a place is free");
    }

    #[tokio::test]
    async fn who_says_nothing_does_not_keep_others_out() {
        let (incoming, address) = door(3).await;
        let (_client, mut talking) = talk(&incoming, address).await;
        let mut silent = Vec::new();
        for _ in 0..2 {
            silent.push((TcpStream::connect(address).await.unwrap(), incoming.next().await));
        }
        let [(_first, mut first), (_second, mut second)] = silent.try_into().ok().unwrap();
        // As a door does: who cannot read any more goes.
        let goes = async move { first.read(&mut [0; 1]).await.unwrap_err().kind() };
        let (cause, _fourth) = tokio::join!(goes, talk(&incoming, address));
        assert_eq!(cause, io::ErrorKind::ConnectionAborted, "who came first goes first");
        let mut byte = [0; 1];
        assert!(second.read(&mut byte).now_or_never().is_none(), "and nobody else");
        assert!(talking.read(&mut byte).now_or_never().is_none());
    }

    #[test]
    fn a_peer_that_is_gone_already_is_no_fault_of_the_door() {
        assert!(is_the_peers(&io::ErrorKind::ConnectionAborted.into()));
        assert!(!is_the_peers(&io::Error::other("too many open files")));
    }
}
