//! Backups of a data directory, also while another process works with it, and directories made from them.
//!
//! A backup is the state of one moment: the log at the end of its copying, and a store that was counted from that log.
//! The store is copied first, so that the log holds at least what the store counted; trimming is held meanwhile, so that
//! the log still holds everything the store has not counted.

mod copy;
mod error;

use super::OpenError;
use super::directory::{self, BRANCH};
use super::file::{self, Kind};
use super::lock::{LOCK_FILE, Lock};
use super::log::LOG;
use super::store::STORE;
use super::trimming;
pub use error::BackupError;
use rusqlite::Connection;
use std::fs;
use std::path::Path;

/// How far the copy of a file has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The file.
    pub file: &'static str,
    /// Copied.
    pub bytes: u64,
    /// To be copied in all.
    pub bytes_total: u64,
}

/// Is told how far a copy has come.
pub type OnProgress<'a> = &'a mut dyn FnMut(Progress);

/// Copies a data directory into one that is absent or empty, synced and verified. Another process may work with it
/// meanwhile. Its keys and tokens are left out. Blocks.
pub fn backup(directory: &Path, target: &Path, progress: OnProgress<'_>) -> Result<(), BackupError> {
    check_source(directory)?;
    let held = trimming::hold(directory);
    let _held = held.map_err(|error| OpenError::failed(directory, &error))?;
    make(target, || copy_files(directory, target, progress))
}

/// Makes a data directory, absent or empty so far, from a backup. It is a branch of its own from here on: what was
/// acknowledged after the backup is not in it, and its positions are given again. Blocks.
pub fn restore(backup: &Path, directory: &Path, progress: OnProgress<'_>) -> Result<(), BackupError> {
    check_source(backup)?;
    make(directory, || {
        copy_files(backup, directory, progress)?;
        branch(directory)
    })
}

fn check_source(directory: &Path) -> Result<(), BackupError> {
    let is_there = |kind: &&Kind| directory.join(kind.name).exists();
    let (there, missing): (Vec<_>, Vec<_>) = [&LOG, &STORE].into_iter().partition(is_there);
    match missing.first() {
        None => Ok(()),
        Some(_) if there.is_empty() => Err(BackupError::NoData(directory.into())),
        Some(kind) => Err(OpenError::Incomplete { directory: directory.into(), missing: kind.name }.into()),
    }
}

/// Fills a directory that is absent or empty; what could not be finished is taken away.
fn make(directory: &Path, fill: impl FnOnce() -> Result<(), BackupError>) -> Result<(), BackupError> {
    let failed = |error: std::io::Error| OpenError::failed(directory, &error);
    fs::create_dir_all(directory).map_err(failed)?;
    let _lock = Lock::take(directory)?;
    for entry in fs::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if name != LOCK_FILE && name != "lost+found" {
            return Err(BackupError::NotEmpty(directory.into()));
        }
    }
    let filled = fill().and_then(|()| Ok(directory::sync(directory)?));
    if filled.is_err() {
        for kind in [&LOG, &STORE] {
            // The first error is the one to be told; a part that stays is refused when it is opened.
            let _ = fs::remove_file(directory.join(kind.name));
        }
    }
    filled
}

/// The store first: the log must hold at least what the store counted.
fn copy_files(from: &Path, to: &Path, progress: OnProgress<'_>) -> Result<(), BackupError> {
    for kind in [&STORE, &LOG] {
        copy::file(from, to, kind, progress)?;
    }
    let files = directory::files(to)?;
    copy::check(&files.store, &STORE)?;
    copy::check(&files.log, &LOG)
}

/// Notes in both files that they belong to each other and to no file from before.
fn branch(directory: &Path) -> Result<(), BackupError> {
    let files = directory::files(directory)?;
    let sql = "SELECT lower(hex(randomblob(16)))";
    let branch: String =
        files.log.query_row(sql, (), |row| row.get(0)).map_err(|error| failed(&LOG, &error))?;
    let note = |connection: &Connection, kind: &Kind| {
        file::set_meta(connection, BRANCH, &branch).map_err(|error| failed(kind, &error))
    };
    note(&files.log, &LOG)?;
    note(&files.store, &STORE)
}

fn failed(kind: &Kind, error: &rusqlite::Error) -> BackupError {
    BackupError::Failed { file: kind.name, detail: error.to_string() }
}
