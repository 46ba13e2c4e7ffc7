//! One thread per file: it takes everything that waits, does it in one transaction, syncs once, then answers all.

use crate::metrics::{Ending, Meter};
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
    meter: Arc<Meter>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread; it owns the connection.
    pub fn start(
        name: &str,
        connection: Connection,
        on_fatal: OnFatal,
        meter: Arc<Meter>,
    ) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(QUEUE_JOBS_MAX);
        let bytes_max = Arc::new(AtomicU64::new(u64::MAX));
        let worker = Worker {
            jobs,
            connection,
            on_fatal,
            bytes_max: Arc::clone(&bytes_max),
            bytes_max_set: u64::MAX,
            meter: Arc::clone(&meter),
        };
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || worker.run())?;
        let room = Arc::new(Semaphore::new(QUEUE_BYTES_MAX));
        Ok(Self { queue: Some(queue), room, bytes_max, meter, thread: Some(thread) })
    }

    /// Waits until the job is durable. A full queue refuses at once.
    pub async fn submit<J: Job>(&self, job: J, bytes: usize) -> Result<J::Answer, WriteError> {
        let asked_at = self.meter.now();
        let full = || WriteError::Refused("the queue is full".into());
        let permits =
            u32::try_from(bytes.min(QUEUE_BYTES_MAX)).expect("the bound of the queue is far below 4 GiB");
        let permit = Arc::clone(&self.room).try_acquire_many_owned(permits).map_err(|_| full())?;
        let (sender, answer) = oneshot::channel();
        let asked = Asked { job, sender, answer: None, permit };
        let queue = self.queue.as_ref().expect("the queue is there until the writer is dropped");
        self.meter.queued();
        queue.try_send(Box::new(asked)).map_err(|error| {
            self.meter.taken(1);
            match error {
                TrySendError::Full(_) => full(),
                TrySendError::Disconnected(_) => WriteError::Closed,
            }
        })?;
        let ended = || Err(WriteError::Unknown("the writer ended before it answered".into()));
        let answer = answer.await.unwrap_or_else(|_| ended())?;
        self.meter.written(asked_at, bytes);
        Ok(answer)
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
    permit: OwnedSemaphorePermit,
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
        let Self { answer, sender, permit, .. } = *self;
        // Whoever is answered finds the room it had taken free again.
        drop(permit);
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
    meter: Arc<Meter>,
}

impl Drop for Worker {
    /// A writer that is gone takes nothing more, so the process must not go on without it.
    fn drop(&mut self) {
        if std::thread::panicking() {
            (self.on_fatal)("the writer panicked");
        }
    }
}

impl Worker {
    fn run(mut self) {
        while let Ok(first) = self.jobs.recv() {
            let mut batch = vec![first];
            batch.extend(self.jobs.try_iter().take(TRANSACTION_JOBS_MAX - 1));
            self.meter.taken(batch.len());
            let began = self.meter.now();
            let outcome = self.transact(&mut batch);
            self.meter.committed(began, batch.len(), Ending::from(&outcome));
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

impl From<&Result<(), WriteError>> for Ending {
    fn from(outcome: &Result<(), WriteError>) -> Self {
        match outcome {
            Ok(()) => Self::Synced,
            Err(WriteError::Refused(_)) => Self::Refused,
            Err(WriteError::Unknown(_) | WriteError::Closed) => Self::Unknown,
        }
    }
}

fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn refused(error: rusqlite::Error) -> WriteError {
    WriteError::Refused(if is_full(&error) { "the disk is full".into() } else { error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::meter;
    use futures::FutureExt;
    use std::sync::Mutex;

    const SCHEMA: &str = "PRAGMA foreign_keys = ON; CREATE TABLE known (id INTEGER PRIMARY KEY);
        CREATE TABLE number (id INTEGER PRIMARY KEY, known REFERENCES known DEFERRABLE INITIALLY DEFERRED);";

    /// Inserts a number; a gate holds the transaction open.
    struct Insert {
        id: i64,
        known: Option<i64>,
        gate: Option<(SyncSender<()>, Receiver<()>)>,
    }

    impl Job for Insert {
        type Answer = i64;

        fn apply(&mut self, transaction: &Connection) -> rusqlite::Result<i64> {
            if let Some((entered, open)) = &self.gate {
                entered.send(()).unwrap();
                open.recv().unwrap();
            }
            transaction.execute("INSERT INTO number VALUES (?1, ?2)", (self.id, self.known))?;
            transaction.query_row("SELECT count(*) FROM number", (), |row| row.get(0))
        }
    }

    fn insert(id: i64) -> Insert {
        Insert { id, known: None, gate: None }
    }

    /// The first insert into an empty table, its transaction open, and what lets it go on.
    fn held_open(writer: &Writer) -> (impl Future<Output = Result<i64, WriteError>>, SyncSender<()>) {
        let ((entered, is_in), (open, gate)) = (sync_channel(1), sync_channel(1));
        let mut answer = Box::pin(writer.submit(Insert { gate: Some((entered, gate)), ..insert(1) }, 1));
        assert!(answer.as_mut().now_or_never().is_none());
        is_in.recv().unwrap();
        (answer, open)
    }

    fn writer() -> (Writer, Arc<Mutex<Vec<String>>>) {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        let fatal = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&fatal);
        let on_fatal: OnFatal = Arc::new(move |reason| seen.lock().unwrap().push(reason.to_owned()));
        (Writer::start("test", connection, on_fatal, meter()).unwrap(), fatal)
    }

    #[tokio::test]
    async fn what_waits_is_one_transaction_and_one_failure_undoes_all_of_it() {
        let (writer, fatal) = writer();
        let (first, open) = held_open(&writer);
        let go_on = async { open.send(()).unwrap() };
        let (second, repeated) = (writer.submit(insert(2), 1), writer.submit(insert(1), 1));
        let (first, second, repeated, ()) = tokio::join!(first, second, repeated, go_on);
        assert_eq!(first, Ok(1));
        let reason = WriteError::Refused("UNIQUE constraint failed: number.id".into());
        assert_eq!((second, repeated), (Err(reason.clone()), Err(reason)));
        assert_eq!(writer.submit(insert(2), 1).await, Ok(2), "the refused insert left nothing");
        assert!(fatal.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_has_room_again_later() {
        let (writer, _) = writer();
        let (first, open) = held_open(&writer);
        let full = Err(WriteError::Refused("the queue is full".into()));
        assert_eq!(writer.submit(insert(2), QUEUE_BYTES_MAX).await, full);
        open.send(()).unwrap();
        assert_eq!(first.await, Ok(1));
        assert_eq!(writer.submit(insert(2), 2 * QUEUE_BYTES_MAX).await, Ok(2), "alone, any size is taken");
    }

    #[tokio::test]
    async fn a_failed_commit_ends_the_writer_and_nobody_is_told_it_was_stored() {
        let (writer, fatal) = writer();
        let outcome = writer.submit(Insert { known: Some(404), ..insert(1) }, 1).await;
        assert!(matches!(outcome, Err(WriteError::Unknown(_))), "{outcome:?}");
        assert_eq!(fatal.lock().unwrap().len(), 1);
        let after = writer.submit(insert(2), 1).await;
        assert!(matches!(after, Err(WriteError::Closed | WriteError::Unknown(_))), "{after:?}");
    }

    struct Panic;
    impl Job for Panic {
        type Answer = ();
        fn apply(&mut self, _: &Connection) -> rusqlite::Result<()> {
            panic!("as it was told")
        }
    }

    #[tokio::test]
    async fn a_writer_that_panics_is_fatal_and_leaves_its_callers_in_doubt() {
        let (mut writer, fatal) = writer();
        let outcome = writer.submit(Panic, 1).await;
        assert!(matches!(outcome, Err(WriteError::Unknown(_))), "{outcome:?}");
        assert!(writer.thread.take().unwrap().join().is_err());
        assert_eq!(*fatal.lock().unwrap(), ["the writer panicked"]);
    }

    /// Does nothing, and tells once that is durable.
    struct Tell(SyncSender<()>);
    impl Job for Tell {
        type Answer = ();
        fn apply(&mut self, _: &Connection) -> rusqlite::Result<()> {
            Ok(())
        }
        fn committed(&mut self) {
            self.0.send(()).unwrap();
        }
    }

    #[tokio::test]
    async fn dropping_the_writer_finishes_what_waits() {
        let (writer, _) = writer();
        let (sender, committed) = sync_channel(1);
        assert!(Box::pin(writer.submit(Tell(sender), 1)).now_or_never().is_none());
        drop(writer);
        assert_eq!(committed.try_recv(), Ok(()));
    }
}
