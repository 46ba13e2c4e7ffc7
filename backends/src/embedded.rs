//! The ports on two SQLite files in one data directory: no broker, no database, nothing to install.

mod backup;
mod directory;
mod file;
mod health;
mod lock;
mod log;
mod open_error;
mod readers;
mod store;
mod trimming;
mod writer;

pub use backup::{BackupError, Progress, backup, restore};
pub use file::Durability;
pub use health::free_bytes;
pub use log::{DeclareError, EmbeddedLog};
pub use open_error::OpenError;
pub use store::EmbeddedStore;
pub use writer::OnFatal;

use crate::metrics;
use domain::port::Clock;
use lock::Lock;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Prepared statements kept by a connection: more than there are shapes of queries.
const STATEMENTS_MAX: usize = 128;

/// How to open a data directory.
#[derive(Clone)]
pub struct OpenOptions {
    /// Whether commits are synced.
    pub durability: Durability,
    /// Called when nobody can know what is on disk; it should not return.
    pub on_fatal: OnFatal,
}

impl Default for OpenOptions {
    /// Synced; a failed sync ends the process.
    fn default() -> Self {
        Self { durability: Durability::Synced, on_fatal: Arc::new(abort) }
    }
}

fn abort(reason: &str) {
    eprintln!("pulse ends now, so that nothing lost is acknowledged: {reason}");
    std::process::abort();
}

/// What both files hold on to as long as one of them is open.
struct Held {
    directory: PathBuf,
    durability: Durability,
    on_fatal: OnFatal,
    _lock: Lock,
    _temporary: Option<tempfile::TempDir>,
}

/// An open data directory: this process has it for itself until both parts are dropped.
pub struct Embedded {
    /// The log, `log.db`.
    pub log: Arc<EmbeddedLog>,
    /// The store, `store.db`.
    pub store: Arc<EmbeddedStore>,
}

impl Embedded {
    /// Opens a data directory, or makes one where there is nothing yet. Blocks.
    pub fn open(path: &Path, clock: Arc<dyn Clock>, options: OpenOptions) -> Result<Self, OpenError> {
        Self::open_held(path, clock, options, None)
    }

    /// A data directory that goes with the process. Blocks.
    pub fn ephemeral(clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let temporary = tempfile::Builder::new().prefix("pulse-").tempdir();
        let temporary = temporary.map_err(|error| OpenError::failed(&std::env::temp_dir(), &error))?;
        let path = temporary.path().to_owned();
        let options = OpenOptions { durability: Durability::Ephemeral, ..OpenOptions::default() };
        Self::open_held(&path, clock, options, Some(temporary))
    }

    /// Where the files lie.
    pub fn directory(&self) -> &Path {
        self.log.directory()
    }

    fn open_held(
        path: &Path,
        clock: Arc<dyn Clock>,
        options: OpenOptions,
        temporary: Option<tempfile::TempDir>,
    ) -> Result<Self, OpenError> {
        metrics::describe();
        let lock = directory::claim(path)?;
        let files = directory::files(path)?;
        let OpenOptions { durability, on_fatal } = options;
        let held = Held { directory: path.into(), durability, on_fatal, _lock: lock, _temporary: temporary };
        let held = Arc::new(held);
        let log = EmbeddedLog::open(files.log, Arc::clone(&clock), Arc::clone(&held))?;
        let store = EmbeddedStore::open(files.store, clock, held)?;
        Ok(Self { log: Arc::new(log), store: Arc::new(store) })
    }
}
