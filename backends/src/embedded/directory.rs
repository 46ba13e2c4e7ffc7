//! What a data directory must look like before anything in it is touched.

use super::OpenError;
use super::file::{self, Kind};
use super::lock::{LOCK_FILE, Lock};
use super::log::{self, LOG, Topic};
use super::store::{self, STORE};
use domain::position::Position;
use rusqlite::Connection;
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// The note of both files that tells a restored directory from the one its backup was taken of.
pub const BRANCH: &str = "branch";

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
    let found = lineage(&files.log, "id").map_err(|error| file::unusable(&LOG, &error))?;
    let store = |error| file::unusable(&STORE, &error);
    let counted = lineage(&files.store, "log_id").map_err(store)?;
    if counted != found {
        return Err(OpenError::OtherLog { counted, found });
    }
    let topics = log::load(&files.log).map_err(|error| file::unusable(&LOG, &error))?;
    store::complete(&files.store).map_err(store)?;
    let counted = store::counted(&files.store).map_err(store)?;
    counted.iter().try_for_each(|counted| check_end(&topics, counted))?;
    Ok(files)
}

/// The id of a log, and of its branch where it was restored: files from before and after do not mix.
fn lineage(connection: &Connection, id: &str) -> rusqlite::Result<String> {
    let (id, branch) = (file::find_meta(connection, id)?, file::find_meta(connection, BRANCH)?);
    let id = id.unwrap_or_else(|| "none".into());
    Ok(branch.map_or_else(|| id.to_string(), |branch| format!("{id}/{branch}")))
}

/// Refuses a log that ends below what the store was counted from: it would give positions out a second time.
fn check_end(topics: &HashMap<Arc<str>, Topic>, counted: &store::Counted) -> Result<(), OpenError> {
    let &store::Counted { generation, partition, position } = counted;
    let end = log::find_end(topics, generation, partition).unwrap_or(0);
    let position = Position::from_raw(position);
    if position <= Position::before(end) {
        return Ok(());
    }
    Err(OpenError::LogBehind { generation, partition, end, counted: position.offset() })
}

/// Makes the names of new files, and of a new directory, durable.
pub fn sync(path: &Path) -> Result<(), OpenError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    for directory in parent.into_iter().chain([path]) {
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(|error| OpenError::failed(directory, &error))?;
    }
    Ok(())
}
