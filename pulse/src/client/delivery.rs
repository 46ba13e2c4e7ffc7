//! Delivers batches over `StreamPulses`: several in flight, the unanswered sent again, unchanged, on a new stream.

mod batch;
mod connection;
#[cfg(test)]
pub mod scripted;
#[cfg(test)]
mod tests;

pub use batch::{Batch, Filling, sendable};

use super::channel;
use crate::exit::{Exit, Failure};
use crate::server::Server;
use connection::{Connection, Event};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use proto::v1;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use v1::stream_pulses_response::Outcome;

/// Batches not yet answered at any time.
const IN_FLIGHT_MAX: usize = 8;
/// How long a server that was there may stay away before it is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one that was never there is waited for: as long as one that is just starting takes.
const PATIENCE_AT_FIRST: Duration = Duration::from_secs(2);
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What became of a batch.
#[derive(Clone, Debug)]
pub struct Answered<T> {
    /// The batch.
    pub batch: Batch<T>,
    /// Pulse by pulse.
    pub result: v1::BatchResult,
}

/// Sends batches and hands on their answers.
pub struct Delivery<T, F> {
    server: Server,
    unanswered: BTreeMap<i64, Batch<T>>,
    postponed: FuturesUnordered<Pin<Box<dyn Future<Output = Batch<T>> + Send>>>,
    sequence: i64,
    last_answer: Instant,
    on_answer: F,
    /// Says why the server takes no more for a while; the first time is enough.
    tell: Option<Box<dyn FnOnce(String) + Send>>,
}

/// Why one stream is over.
enum StreamEnd {
    /// Everything was answered.
    Finished,
    /// What is unanswered goes on a new stream.
    Broken(tonic::Status),
}

impl<T, F> Delivery<T, F>
where
    T: Send + 'static,
    F: FnMut(Answered<T>) -> anyhow::Result<()>,
{
    /// Nothing is sent yet.
    pub fn new(server: Server, on_answer: F) -> Self {
        let last_answer = Instant::now();
        Self {
            server,
            unanswered: BTreeMap::new(),
            postponed: FuturesUnordered::new(),
            sequence: 0,
            last_answer,
            on_answer,
            tell: None,
        }
    }

    /// Says once why it waits, when the server takes no more for a while: it goes on by itself, and may take long.
    #[must_use]
    pub fn telling(mut self, tell: impl FnOnce(String) + Send + 'static) -> Self {
        self.tell = Some(Box::new(tell));
        self
    }

    /// Delivers everything that comes out of `batches`. A server that goes away is waited for.
    pub async fn run(mut self, mut batches: mpsc::Receiver<Batch<T>>) -> anyhow::Result<()> {
        let mut connection = connect(&self.server, Instant::now() + PATIENCE_AT_FIRST, PAUSE_MIN).await?;
        let mut pause = PAUSE_MIN;
        loop {
            let before = self.last_answer;
            let status = match self.drive(&mut connection, &mut batches).await? {
                StreamEnd::Finished => return Ok(()),
                StreamEnd::Broken(status) => status,
            };
            pause = if self.last_answer > before { PAUSE_MIN } else { (pause * 2).min(PAUSE_MAX) };
            if !connection::is_worth_a_retry(&status) {
                return Err(channel::failure(&status).into());
            }
            sleep(pause).await;
            connection = connect(&self.server, self.last_answer + PATIENCE, pause).await?;
        }
    }

    /// One stream, from its first batch to its end.
    async fn drive(
        &mut self,
        connection: &mut Connection,
        batches: &mut mpsc::Receiver<Batch<T>>,
    ) -> anyhow::Result<StreamEnd> {
        for batch in std::mem::take(&mut self.unanswered).into_values() {
            self.send(connection, batch).await;
        }
        let mut more = true;
        loop {
            let room = self.unanswered.len() < IN_FLIGHT_MAX;
            if !more && self.unanswered.is_empty() && self.postponed.is_empty() {
                return Ok(StreamEnd::Finished);
            }
            tokio::select! {
                event = connection.next() => match event {
                    Event::Answer(answer) => self.take(answer)?,
                    Event::End(status) => return Ok(StreamEnd::Broken(status)),
                },
                Some(batch) = self.postponed.next(), if room => self.send(connection, batch).await,
                batch = batches.recv(), if room && more => match batch {
                    Some(batch) => self.send(connection, batch).await,
                    None => more = false,
                },
            }
        }
    }

    /// Numbers a batch and puts it on the stream; a stream that is gone reports so by itself.
    async fn send(&mut self, connection: &Connection, batch: Batch<T>) {
        self.sequence += 1;
        let request = v1::StreamPulsesRequest { batch_sequence: self.sequence, pulses: batch.pulses.clone() };
        self.unanswered.insert(self.sequence, batch);
        connection.send(request).await;
    }

    fn take(&mut self, answer: v1::StreamPulsesResponse) -> anyhow::Result<()> {
        let Some(outcome) = answer.outcome else { return Ok(()) };
        let Some(batch) = self.unanswered.remove(&answer.batch_sequence) else { return Ok(()) };
        self.last_answer = Instant::now();
        match outcome {
            Outcome::Result(result) => (self.on_answer)(Answered { batch, result }),
            Outcome::NotTaken(not_taken) => self.postpone(batch, &not_taken),
        }
    }

    /// The same batch again after the server's delay; without one it would fail again.
    fn postpone(&mut self, batch: Batch<T>, not_taken: &v1::NotTaken) -> anyhow::Result<()> {
        let Some(delay) = not_taken.retry_delay else {
            let exit = if matches!(not_taken.code.as_str(), "UNAUTHENTICATED" | "NOT_ALLOWED") {
                Exit::NotAllowed
            } else {
                Exit::Failed
            };
            return Err(
                Failure { exit, message: format!("{}: {}", not_taken.code, not_taken.message) }.into()
            );
        };
        if let Some(tell) = self.tell.take() {
            let v1::NotTaken { code, message, .. } = not_taken;
            tell(format!(
                "the server takes no more for now ({code}: {message}); waiting, then sending it again"
            ));
        }
        let delay = Duration::try_from(delay).unwrap_or(PAUSE_MAX);
        self.postponed.push(Box::pin(async move {
            sleep(delay).await;
            batch
        }));
        Ok(())
    }
}

/// A new stream, as soon as the server is there; past the deadline its absence is a failure.
async fn connect(server: &Server, deadline: Instant, mut pause: Duration) -> Result<Connection, Failure> {
    loop {
        let status = match Connection::open(server, IN_FLIGHT_MAX).await {
            Ok(connection) => return Ok(connection),
            Err(status) => status,
        };
        if !connection::is_worth_a_retry(&status) || Instant::now() > deadline {
            return Err(channel::failure(&status));
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}
