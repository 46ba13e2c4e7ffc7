//! What a data directory must look like before anything in it is touched.

use super::OpenError;
use super::file::{self, Kind};
use super::lock::{LOCK_FILE, Lock};
use super::log::{self, LOG};
use super::store::{self, STORE};
use rusqlite::Connection;
use std::fs::File;
use std::path::Path;

/// The two files, whole and belonging together.
pub struct Files {
    pub log: Connection,
    pub store: Connection,
}

/// Makes the directory where there is none, refuses a foreign one untouched, and takes its lock.
pub fn claim(path: &Path) -> Result<Lock, OpenError> {
    let failed = |error: std::io::Error| OpenError::failed(path, &error);
    std::fs::create_dir_all(path).map_err(failed)?;
    let is_ours = [LOG.name, STORE.name].iter().any(|name| path.join(name).exists());
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if !is_ours && name != LOCK_FILE && name != "lost+found" {
            return Err(OpenError::Foreign(path.into()));
        }
    }
    Lock::take(path)
}

/// Opens both files, or makes both where there is neither.
pub fn files(path: &Path) -> Result<Files, OpenError> {
    let missing = |kind: &Kind| OpenError::Incomplete { directory: path.into(), missing: kind.name };
    match (file::find(path, &LOG)?, file::find(path, &STORE)?) {
        (Some(log), Some(store)) => belonging(Files { log, store }),
        (Some(log), None) if is_unused(&log)? => with_new_store(path, log),
        (Some(_), None) => Err(missing(&STORE)),
        (None, Some(_)) => Err(missing(&LOG)),
        (None, None) => with_new_store(path, file::create(path, &LOG, log::SCHEMA)?),
    }
}

/// A log without topics was never written to: a crash came before its store was made.
fn is_unused(log: &Connection) -> Result<bool, OpenError> {
    let count = log.query_row("SELECT count(*) FROM topic", (), |row| row.get::<_, i64>(0));
    Ok(count.map_err(|error| file::unusable(&LOG, &error))? == 0)
}

fn with_new_store(path: &Path, log: Connection) -> Result<Files, OpenError> {
    let schema = store::schema(&file::id(&log, &LOG)?);
    let store = file::create(path, &STORE, &schema)?;
    sync(path)?;
    Ok(Files { log, store })
}

fn belonging(files: Files) -> Result<Files, OpenError> {
    let found = file::id(&files.log, &LOG)?;
    let counted = file::find_meta(&files.store, "log_id").map_err(|error| file::unusable(&STORE, &error))?;
    match counted {
        Some(counted) if counted == found => Ok(files),
        counted => {
            let counted = counted.as_deref().unwrap_or("none").into();
            Err(OpenError::OtherLog { counted, found: found.to_string() })
        }
    }
}

/// Makes the names of new files, and of a new directory, durable.
fn sync(path: &Path) -> Result<(), OpenError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    for directory in parent.into_iter().chain([path]) {
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(|error| OpenError::failed(directory, &error))?;
    }
    Ok(())
}
