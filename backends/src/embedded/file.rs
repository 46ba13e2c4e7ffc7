//! A SQLite file of ours: recognised by its application id, its format and its own random id.

use super::OpenError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OptionalExtension};
use std::path::Path;
use std::sync::Arc;

const FORMAT: i64 = 1;
const META: &str = "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    INSERT INTO meta VALUES ('id', lower(hex(randomblob(16))));";

/// What tells the log's file from the store's.
pub struct Kind {
    /// Its name in the data directory.
    pub name: &'static str,
    /// What its header carries.
    pub application_id: i64,
}

/// Whether a commit waits for the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Every commit is synced.
    #[default]
    Synced,
    /// Nothing is synced: for data that goes with the process.
    Ephemeral,
}

/// Opens a file that must be of this kind. `None`: there is nothing there yet.
pub fn find(directory: &Path, kind: &Kind) -> Result<Option<Connection>, OpenError> {
    let path = directory.join(kind.name);
    if !path.exists() {
        return Ok(None);
    }
    let connection = Connection::open(&path).map_err(|error| unusable(kind, &error))?;
    let header = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let read = || Ok((header("page_count")?, header("application_id")?, header("user_version")?));
    match read().map_err(|error| unusable(kind, &error))? {
        (0, ..) => Ok(None),
        (_, application_id, _) if application_id != kind.application_id => {
            Err(OpenError::NotOurs { file: kind.name })
        }
        (.., found) if found != FORMAT => {
            Err(OpenError::OtherFormat { file: kind.name, found, known: FORMAT })
        }
        _ => Ok(Some(connection)),
    }
}

/// Makes the file whole in one transaction, so that a crash leaves all of it or nothing.
pub fn create(directory: &Path, kind: &Kind, schema: &str) -> Result<Connection, OpenError> {
    let make = || {
        let connection = Connection::open(directory.join(kind.name))?;
        connection.execute_batch(&format!(
            "PRAGMA synchronous = FULL; BEGIN; {META} {schema}
             PRAGMA application_id = {}; PRAGMA user_version = {FORMAT}; COMMIT;",
            kind.application_id
        ))?;
        Ok(connection)
    };
    make().map_err(|error| unusable(kind, &error))
}

/// Sets a connection up for the writer thread.
pub fn prepare(connection: &Connection, kind: &Kind, durability: Durability) -> Result<(), OpenError> {
    let synchronous = match durability {
        Durability::Synced => "FULL",
        Durability::Ephemeral => "OFF",
    };
    keep_statements(connection).map_err(|error| unusable(kind, &error))?;
    let settings = format!(
        "PRAGMA synchronous = {synchronous}; PRAGMA fullfsync = ON; PRAGMA wal_autocheckpoint = 16384;"
    );
    let wal = "PRAGMA journal_mode = WAL";
    let mode = connection.query_row(wal, (), |row| row.get::<_, String>(0));
    let mode = mode.and_then(|mode| connection.execute_batch(&settings).map(|()| mode));
    match mode.map_err(|error| unusable(kind, &error))?.as_str() {
        "wal" => Ok(()),
        // Readers would stand in the writer's way, and a commit that meets one ends the process.
        mode => Err(OpenError::Failed {
            what: kind.name.into(),
            detail: format!("its file system takes no write-ahead log, only the mode {mode}"),
        }),
    }
}

/// Statements are prepared once. Without the guarantee the planner looks at bound values and prepares again when they
/// change.
pub fn keep_statements(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(super::STATEMENTS_MAX);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// A value of the file's own notes.
pub fn find_meta(connection: &Connection, name: &str) -> rusqlite::Result<Option<Arc<str>>> {
    let sql = "SELECT value FROM meta WHERE name = ?1";
    connection.query_row(sql, [name], |row| row.get(0)).optional()
}

/// Sets a value of the file's own notes.
pub fn set_meta(connection: &Connection, name: &str, value: &str) -> rusqlite::Result<()> {
    let sql = "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    connection.execute(sql, (name, value)).map(drop)
}

/// The file's random id.
pub fn id(connection: &Connection, kind: &Kind) -> Result<Arc<str>, OpenError> {
    let found = find_meta(connection, "id").map_err(|error| unusable(kind, &error))?;
    found.ok_or_else(|| OpenError::Damaged { file: kind.name, detail: "it has no id".into() })
}

/// The error of a file that is there and cannot be used.
pub fn unusable(kind: &Kind, error: &rusqlite::Error) -> OpenError {
    let detail = error.to_string();
    if is_corrupt(error) {
        OpenError::Damaged { file: kind.name, detail }
    } else {
        OpenError::Failed { what: kind.name.into(), detail }
    }
}

/// Whether the engine found the file itself broken.
pub fn is_corrupt(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_takes_no_write_ahead_log_is_refused() {
        let kind = Kind { name: "log.db", application_id: 1 };
        let memory = Connection::open_in_memory().unwrap();
        let refused = prepare(&memory, &kind, Durability::Synced).unwrap_err().to_string();
        assert!(refused.ends_with("takes no write-ahead log, only the mode memory"), "{refused}");
    }
}
