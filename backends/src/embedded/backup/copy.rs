//! Copying one file as it is at one moment, while others write to it.

use super::{BackupError, OnProgress, Progress, failed};
use crate::embedded::OpenError;
use crate::embedded::file::{self, Kind};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ffi};
use std::path::Path;

/// Pages between two reports: four megabytes.
const STEP_PAGES: i32 = 1024;

/// Copies a file into another directory.
pub fn file(from: &Path, to: &Path, kind: &Kind, progress: OnProgress<'_>) -> Result<(), BackupError> {
    let lost = || OpenError::Incomplete { directory: from.into(), missing: kind.name };
    let source = file::find(from, kind)?.ok_or_else(lost)?;
    let failed = |error: rusqlite::Error| failed(kind, &error);
    let mut target = Connection::open(to.join(kind.name)).map_err(failed)?;
    pages(&source, &mut target, kind, progress).map_err(failed)?;
    drop(target);
    alone(&to.join(kind.name)).map_err(failed)
}

/// Copies page by page within one transaction of the source, so that all pages are of one moment.
fn pages(
    source: &Connection,
    target: &mut Connection,
    kind: &Kind,
    progress: OnProgress<'_>,
) -> rusqlite::Result<()> {
    let moment = source.unchecked_transaction()?;
    let page_bytes: u64 = moment.pragma_query_value(None, "page_size", |row| row.get::<_, u32>(0))?.into();
    moment.query_row("SELECT count(*) FROM meta", (), |_| Ok(()))?;
    let copy = Backup::new(&moment, target)?;
    loop {
        let step = copy.step(STEP_PAGES)?;
        let rusqlite::backup::Progress { remaining, pagecount } = copy.progress();
        let bytes = |pages: i32| u64::from(pages.unsigned_abs()) * page_bytes;
        progress(Progress {
            file: kind.name,
            bytes: bytes(pagecount - remaining),
            bytes_total: bytes(pagecount),
        });
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            _ => return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None)),
        }
    }
}

/// Makes a copy stand without a write-ahead log, so that it is one file, readable also where nothing can be written.
fn alone(path: &Path) -> rusqlite::Result<()> {
    let copy = Connection::open(path)?;
    copy.query_row("PRAGMA journal_mode = DELETE", (), |_| Ok(()))
}

/// Has the engine read all of a file.
pub fn check(connection: &Connection, kind: &Kind) -> Result<(), BackupError> {
    let found: rusqlite::Result<String> = connection.query_row("PRAGMA quick_check(1)", (), |row| row.get(0));
    match found.map_err(|error| failed(kind, &error))?.as_str() {
        "ok" => Ok(()),
        detail => Err(OpenError::Damaged { file: kind.name, detail: detail.into() }.into()),
    }
}
