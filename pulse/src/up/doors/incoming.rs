//! Who comes in: connections of a listener, as many at a time as there are places. The others wait before the door.

use super::connection::Connection;
use futures::Stream;
use futures::stream;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// How long to wait after the system had no room for another connection.
const PAUSE: Duration = Duration::from_millis(100);

/// A listener and its places.
pub struct Incoming {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl Incoming {
    /// Connections of this listener, so many at a time.
    pub fn new(listener: TcpListener, connections_max: usize) -> Self {
        let places = Arc::new(Semaphore::new(connections_max.min(Semaphore::MAX_PERMITS)));
        Self { listener, places }
    }

    /// The next connection, once there is a place for it.
    pub async fn next(&self) -> Connection<TcpStream> {
        let place = Arc::clone(&self.places).acquire_owned().await.expect("the places are never closed");
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    // Answers are small and whole: none waits for another. A socket that cannot is served all the same.
                    let _ = stream.set_nodelay(true);
                    return Connection::new(stream, place);
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
    use tokio::time::timeout;

    #[tokio::test]
    async fn past_its_places_a_door_lets_nobody_in_until_somebody_goes() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let incoming = Incoming::new(listener, 2);
        let mut outside = Vec::new();
        for _ in 0..3 {
            outside.push(TcpStream::connect(address).await.unwrap());
        }
        let (first, _second) = (incoming.next().await, incoming.next().await);
        assert!(timeout(Duration::from_millis(50), incoming.next()).await.is_err());
        drop(first);
        timeout(Duration::from_secs(5), incoming.next()).await.expect("a place is free");
    }

    #[test]
    fn a_peer_that_is_gone_already_is_no_fault_of_the_door() {
        assert!(is_the_peers(&io::ErrorKind::ConnectionAborted.into()));
        assert!(!is_the_peers(&io::Error::other("too many open files")));
    }
}
