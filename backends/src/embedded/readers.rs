//! Connections that only read, each used by one call at a time.

use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tokio::sync::Semaphore;

const CONNECTIONS_MAX: usize = 4;

/// A few connections to one file.
pub struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    room: Semaphore,
}

impl Readers {
    /// Opens nothing yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::default(), room: Semaphore::new(CONNECTIONS_MAX) }
    }

    /// Reads on a thread that may block. The error says why it could not begin or end.
    pub async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> T + Send + 'static,
    ) -> Result<T, String> {
        let _permit = self.room.acquire().await.map_err(|error| error.to_string())?;
        let idle = self.idle().pop();
        let path = self.path.clone();
        let task = tokio::task::spawn_blocking(move || {
            let connection = idle.map_or_else(|| open(&path), Ok)?;
            let answer = read(&connection);
            Ok((connection, answer))
        });
        let outcome: rusqlite::Result<_> = task.await.map_err(|error| error.to_string())?;
        let (connection, answer) = outcome.map_err(|error| error.to_string())?;
        self.idle().push(connection);
        Ok(answer)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_prepared_statement_cache_capacity(super::STATEMENTS_MAX);
    Ok(connection)
}
