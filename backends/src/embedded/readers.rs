//! Connections that only read, each used by one call at a time.

use super::file;
use crate::metrics::Meter;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

const CONNECTIONS_MAX: usize = 4;

/// A few connections to one file.
pub struct Readers {
    pool: Arc<Pool>,
    room: Arc<Semaphore>,
    meter: Arc<Meter>,
}

struct Pool {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// Opens nothing yet.
    pub fn new(path: PathBuf, meter: Arc<Meter>) -> Self {
        let pool = Arc::new(Pool { path, idle: Mutex::default() });
        Self { pool, room: Arc::new(Semaphore::new(CONNECTIONS_MAX)), meter }
    }

    /// Reads on a thread that may block. The error says why it could not begin or end.
    pub async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> T + Send + 'static,
    ) -> Result<T, String> {
        let asked = self.meter.now();
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(|error| error.to_string())?;
        let pool = Arc::clone(&self.pool);
        let task = tokio::task::spawn_blocking(move || {
            // Held until the read ends, also when nobody waits for it any more.
            let _room = room;
            let connection = pool.take()?;
            let answer = read(&connection);
            pool.put(connection);
            Ok(answer)
        });
        let outcome: Result<rusqlite::Result<T>, _> = task.await;
        self.meter.read(asked);
        outcome.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }
}

impl Pool {
    fn take(&self) -> rusqlite::Result<Connection> {
        let idle = self.idle().pop();
        idle.map_or_else(|| open(&self.path), Ok)
    }

    fn put(&self, connection: Connection) {
        self.idle().push(connection);
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    file::keep_statements(&connection)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn reads_that_nobody_waits_for_count_until_they_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let readers = Readers::new(file.path().into(), crate::metrics::testing::meter());
        let gates: Vec<_> = (0..CONNECTIONS_MAX).map(|_| sync_channel::<()>(0)).collect();
        let mut opened = Vec::new();
        for (open, gate) in gates {
            let given_up = readers.run(move |_| gate.recv());
            assert!(timeout(Duration::from_millis(10), given_up).await.is_err());
            opened.push(open);
        }
        assert!(timeout(Duration::from_millis(10), readers.run(|_| ())).await.is_err(), "all are in use");
        drop(opened);
        assert_eq!(readers.run(|_| 7).await, Ok(7));
        let _all = readers.room.acquire_many(4).await.unwrap();
        assert_eq!(readers.pool.idle().len(), CONNECTIONS_MAX, "no connection is lost");
    }
}
