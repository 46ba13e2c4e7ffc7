//! The HTTP door: HTTP/1.1, each head read within a time and a size, closed when what was asked is answered.

use super::asked::answer;
use super::connection::Connection;
use super::incoming::Incoming;
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming as Arriving;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a connection may take for a head, the wait for it included: so idle connections go too.
const HEAD_MAX: Duration = Duration::from_secs(30);
/// How much of that is left once the door is closing.
const HEAD_MAX_CLOSING: Duration = Duration::from_secs(2);
/// The most bytes of a head, and of what is read ahead of a body.
const BUFFER_BYTES: usize = 64 * 1024;

/// What is served, until when, and who waits for its connections.
#[derive(Clone)]
pub struct Http {
    /// The resources.
    pub router: Router,
    /// When cancelled nobody is let in, and each connection closes after the answer it is at.
    pub closing: CancellationToken,
    /// Holds the connections' tasks.
    pub connections: TaskTracker,
}

impl Http {
    /// Serves until it is closing.
    pub async fn serve(self, incoming: Incoming) {
        while let Some(connection) = self.closing.run_until_cancelled(incoming.next()).await {
            self.connections.spawn(self.clone().drive(connection));
        }
    }

    async fn drive<S: AsyncRead + AsyncWrite + Unpin>(self, connection: Connection<S>) {
        let mut builder = Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD_MAX).max_buf_size(BUFFER_BYTES);
        // Who has said all it has to say still waits for its answer.
        builder.half_close(true);
        let (router, asked) = (self.router, TaskTracker::new());
        let service = service_fn(|request: hyper::Request<Arriving>| {
            answer(router.clone(), request.map(Body::new), asked.clone())
        });
        let mut served = pin!(builder.serve_connection(TokioIo::new(connection), service));
        let ended = tokio::select! {
            ended = served.as_mut() => ended,
            () = self.closing.cancelled() => {
                served.as_mut().graceful_shutdown();
                tokio::select! {
                    biased;
                    ended = served.as_mut() => ended,
                    () = nothing_is_asked(&asked) => Ok(()),
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection was given up");
        }
    }
}

/// Waits until no request has been under way for a while: what began a head does not end it.
async fn nothing_is_asked(asked: &TaskTracker) {
    asked.close();
    loop {
        asked.wait().await;
        sleep(HEAD_MAX_CLOSING).await;
        if asked.is_empty() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::up::doors::places::Places;
    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::Instant;

    /// A door that serves `/` at once, `/slow` after three seconds, and `POST /echo` when the body is whole.
    fn http() -> Http {
        let slow = || async {
            sleep(Duration::from_secs(3)).await;
            "slow"
        };
        let router = Router::new()
            .route("/", get(|| async { "fine" }))
            .route("/slow", get(slow))
            .route("/echo", post(|body: String| async { body }));
        Http { router, closing: CancellationToken::new(), connections: TaskTracker::new() }
    }

    /// A client of such a door.
    struct Client {
        pipe: DuplexStream,
        closing: CancellationToken,
        connections: TaskTracker,
    }

    impl Client {
        async fn connect() -> Self {
            let http = http();
            let (closing, connections) = (http.closing.clone(), http.connections.clone());
            let (pipe, theirs) = duplex(1 << 20);
            connections.spawn(http.drive(Connection::new(theirs, Places::new(1).take().await)));
            Self { pipe, closing, connections }
        }

        async fn send(&mut self, text: &str) {
            self.pipe.write_all(text.as_bytes()).await.unwrap();
        }

        /// Everything until the server closes the connection.
        async fn read_all(&mut self) -> String {
            let mut text = String::new();
            self.pipe.read_to_string(&mut text).await.unwrap();
            text
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_does_not_come_to_its_end_is_given_up() {
        let mut client = Client::connect().await;
        let started = Instant::now();
        client.send("GET / HTTP/1.1\r\nhost: x\r\nx-slow: ").await;
        client.read_all().await;
        assert_eq!(started.elapsed(), HEAD_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_stays_idle_is_given_up() {
        let mut client = Client::connect().await;
        let started = Instant::now();
        client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(client.read_all().await.ends_with("fine"));
        assert_eq!(started.elapsed(), HEAD_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_without_end_is_refused_within_its_buffer() {
        let mut client = Client::connect().await;
        client.send(&format!("GET / HTTP/1.1\r\nx-long: {}", "x".repeat(2 * BUFFER_BYTES))).await;
        assert!(client.read_all().await.starts_with("HTTP/1.1 431"));
    }

    #[tokio::test(start_paused = true)]
    async fn requests_of_one_connection_are_answered_in_order() {
        let mut client = Client::connect().await;
        client
            .send(
                "GET /slow HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
            )
            .await;
        let answers = client.read_all().await;
        let (slow, fine) = (answers.find("slow").unwrap(), answers.find("fine").unwrap());
        assert!(slow < fine, "{answers}");
    }

    #[tokio::test(start_paused = true)]
    async fn closing_lets_the_request_under_way_be_answered_and_no_other() {
        let mut client = Client::connect().await;
        client.send("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
        sleep(Duration::from_secs(1)).await;
        client.closing.cancel();
        client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let answers = client.read_all().await;
        assert!(answers.ends_with("slow") && answers.contains("connection: close"), "{answers}");
        client.connections.close();
        client.connections.wait().await;
    }

    #[tokio::test(start_paused = true)]
    async fn closing_ends_idle_connections_at_once() {
        let mut client = Client::connect().await;
        sleep(Duration::from_secs(1)).await;
        let asked = Instant::now();
        client.closing.cancel();
        assert_eq!(client.read_all().await, "");
        assert_eq!(asked.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn closing_ends_a_connection_whose_head_is_under_way() {
        let mut client = Client::connect().await;
        client.send("GET / HTTP/1.1\r\nhost: x\r\nx-slow: ").await;
        sleep(Duration::from_secs(1)).await;
        let asked = Instant::now();
        client.closing.cancel();
        client.read_all().await;
        assert_eq!(asked.elapsed(), HEAD_MAX_CLOSING);
    }

    /// What a client is answered that sends this and then closes its side, over sockets.
    async fn half_closed(text: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        TaskTracker::new().spawn(http().serve(Incoming::new(listener, 1)));
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(text.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test(start_paused = true)]
    async fn who_closes_its_side_after_a_whole_request_gets_its_answer() {
        let answer = half_closed("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("slow"), "{answer}");
        let answer = half_closed("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("body"), "{answer}");
        let both = "GET /slow HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n";
        let answers = half_closed(both).await;
        assert!(answers.contains("slow") && answers.ends_with("fine"), "{answers}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_closes_its_side_within_a_request_is_given_up_at_once() {
        let started = Instant::now();
        half_closed("GET /slow HTTP/1.1\r\nhost: x\r\n").await;
        half_closed("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbo").await;
        assert!(started.elapsed() < HEAD_MAX);
    }
}
