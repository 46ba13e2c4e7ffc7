//! One thread per file: it takes everything that waits, does it in one transaction, syncs once, then answers all.

use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

const QUEUE_JOBS_MAX: usize = 4096;
const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;
const TRANSACTION_JOBS_MAX: usize = 1024;

/// What to do when a commit fails so that nobody can know what is on disk: end the process. It gets the reason.
pub type OnFatal = Arc<dyn Fn(&str) + Send + Sync>;

/// Something to be done within a transaction.
pub trait Job: Send + 'static {
    /// What the caller gets once it is durable.
    type Answer: Send;

    /// Does it; an error undoes the whole transaction.
    fn apply(&mut self, transaction: &Connection) -> rusqlite::Result<Self::Answer>;

    /// It is durable.
    fn committed(&mut self) {}

    /// It was undone.
    fn rolled_back(&mut self) {}
}

/// Why a job was not done, or may not have been.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Nothing was written: queue or disk are full, or the engine refused.
    #[error("{0}")]
    Refused(String),
    /// The commit failed: it may be on disk or not.
    #[error("{0}")]
    Unknown(String),
    /// The thread has ended.
    #[error("the writer has ended")]
    Closed,
}

/// The way to a file's writer thread.
pub struct Writer {
    queue: Option<SyncSender<Box<dyn Waiting>>>,
    room: Arc<Semaphore>,
    bytes_max: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread; it owns the connection.
    pub fn start(name: &str, connection: Connection, on_fatal: OnFatal) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(QUEUE_JOBS_MAX);
        let bytes_max = Arc::new(AtomicU64::new(u64::MAX));
        let worker =
            Worker { jobs, connection, on_fatal, bytes_max: Arc::clone(&bytes_max), bytes_max_set: u64::MAX };
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || worker.run())?;
        let room = Arc::new(Semaphore::new(QUEUE_BYTES_MAX));
        Ok(Self { queue: Some(queue), room, bytes_max, thread: Some(thread) })
    }

    /// Waits until the job is durable. A full queue refuses at once.
    pub async fn submit<J: Job>(&self, job: J, bytes: usize) -> Result<J::Answer, WriteError> {
        let full = || WriteError::Refused("the queue is full".into());
        let permits =
            u32::try_from(bytes.min(QUEUE_BYTES_MAX)).expect("the bound of the queue is far below 4 GiB");
        let permit = Arc::clone(&self.room).try_acquire_many_owned(permits).map_err(|_| full())?;
        let (sender, answer) = oneshot::channel();
        let asked = Asked { job, sender, answer: None, _permit: permit };
        let queue = self.queue.as_ref().expect("the queue is there until the writer is dropped");
        queue.try_send(Box::new(asked)).map_err(|error| match error {
            TrySendError::Full(_) => full(),
            TrySendError::Disconnected(_) => WriteError::Closed,
        })?;
        answer
            .await
            .unwrap_or_else(|_| Err(WriteError::Unknown("the writer ended before it answered".into())))
    }

    /// Bounds the file's size from the next transaction on; a file already larger does not grow.
    pub fn set_bytes_max(&self, bytes_max: u64) {
        self.bytes_max.store(bytes_max, Ordering::Release);
    }
}

impl Drop for Writer {
    /// What waits is still done; the file is closed when this returns.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has dropped its connection as well.
            let _ = thread.join();
        }
    }
}

/// A job whose caller waits.
trait Waiting: Send {
    fn apply(&mut self, transaction: &Connection) -> rusqlite::Result<()>;
    fn committed(&mut self);
    fn rolled_back(&mut self);
    fn answer(self: Box<Self>, outcome: Result<(), WriteError>);
}

struct Asked<J: Job> {
    job: J,
    answer: Option<J::Answer>,
    sender: oneshot::Sender<Result<J::Answer, WriteError>>,
    _permit: OwnedSemaphorePermit,
}

impl<J: Job> Waiting for Asked<J> {
    fn apply(&mut self, transaction: &Connection) -> rusqlite::Result<()> {
        self.answer = Some(self.job.apply(transaction)?);
        Ok(())
    }

    fn committed(&mut self) {
        self.job.committed();
    }

    fn rolled_back(&mut self) {
        self.job.rolled_back();
    }

    fn answer(self: Box<Self>, outcome: Result<(), WriteError>) {
        let Self { answer, sender, .. } = *self;
        let answer = outcome.map(|()| answer.expect("a committed job was applied"));
        // A caller that went away does not want to know.
        let _ = sender.send(answer);
    }
}

struct Worker {
    jobs: Receiver<Box<dyn Waiting>>,
    connection: Connection,
    on_fatal: OnFatal,
    bytes_max: Arc<AtomicU64>,
    bytes_max_set: u64,
}

impl Worker {
    fn run(mut self) {
        while let Ok(first) = self.jobs.recv() {
            let mut batch = vec![first];
            batch.extend(self.jobs.try_iter().take(TRANSACTION_JOBS_MAX - 1));
            let outcome = self.transact(&mut batch);
            for job in &mut batch {
                if outcome.is_ok() { job.committed() } else { job.rolled_back() }
            }
            for job in batch {
                job.answer(outcome.clone());
            }
            if matches!(outcome, Err(WriteError::Unknown(_))) {
                return;
            }
        }
    }

    fn transact(&mut self, batch: &mut [Box<dyn Waiting>]) -> Result<(), WriteError> {
        self.bound().map_err(refused)?;
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(refused)?;
        for job in batch {
            job.apply(&transaction).map_err(refused)?;
        }
        match transaction.commit() {
            Err(error) if !is_full(&error) => {
                let reason = format!("a commit failed, and what it wrote may be lost: {error}");
                (self.on_fatal)(&reason);
                Err(WriteError::Unknown(reason))
            }
            outcome => outcome.map_err(refused),
        }
    }

    fn bound(&mut self) -> rusqlite::Result<()> {
        let bytes_max = self.bytes_max.load(Ordering::Acquire);
        if bytes_max != self.bytes_max_set {
            let page_bytes: u32 = self.connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
            let pages = (bytes_max / u64::from(page_bytes)).clamp(1, u64::from(u32::MAX - 1));
            self.connection.query_row(&format!("PRAGMA max_page_count = {pages}"), (), |_| Ok(()))?;
            self.bytes_max_set = bytes_max;
        }
        Ok(())
    }
}

fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}

fn refused(error: rusqlite::Error) -> WriteError {
    WriteError::Refused(if is_full(&error) { "the disk is full".into() } else { error.to_string() })
}
