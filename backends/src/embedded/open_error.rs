//! Why a data directory is refused, and what to do about it.

use std::path::{Path, PathBuf};

/// A data directory is never repaired or made anew silently.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{} is in use by {}; stop it or name another directory", directory.display(), owner(*pid))]
    Locked {
        /// The directory.
        directory: PathBuf,
        /// Who holds it, if the lock file tells.
        pid: Option<u32>,
    },
    /// It holds things that are not ours.
    #[error("{} is not empty and no data directory of pulse; name an empty or a new one", .0.display())]
    Foreign(PathBuf),
    /// One file of two is there.
    #[error("{} has lost {missing}; restore both files from one backup", directory.display())]
    Incomplete {
        /// The directory.
        directory: PathBuf,
        /// The file that is not there.
        missing: &'static str,
    },
    /// A database of somebody else.
    #[error("{file} is a database, but not of pulse; move it away or name another directory")]
    NotOurs {
        /// Its name.
        file: &'static str,
    },
    /// Written by another version.
    #[error("{file} has format {found}, this program knows {known}; use the version that wrote it")]
    OtherFormat {
        /// Its name.
        file: &'static str,
        /// Its format.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// It cannot be read.
    #[error("{file} is damaged: {detail}; restore both files from one backup")]
    Damaged {
        /// Its name.
        file: &'static str,
        /// How.
        detail: String,
    },
    /// The two files do not belong together.
    #[error(
        "store.db was counted from log {counted}, but log.db is {found}; restore both files from one backup"
    )]
    OtherLog {
        /// The log the store speaks of.
        counted: String,
        /// The log that is there.
        found: String,
    },
    /// The log has lost its end.
    #[error(
        "log.db ends at offset {end} of generation {generation}, partition {partition}, but store.db holds what \
         follows from offset {counted}; restore a log.db at least as new as store.db"
    )]
    LogBehind {
        /// The generation.
        generation: i64,
        /// Its partition.
        partition: i64,
        /// Where the log ends.
        end: u64,
        /// The record the store has seen.
        counted: u64,
    },
    /// The operating system or the engine refused.
    #[error("{what} cannot be opened: {detail}")]
    Failed {
        /// Which file or directory.
        what: String,
        /// Why.
        detail: String,
    },
}

impl OpenError {
    pub(super) fn failed(path: &Path, error: &std::io::Error) -> Self {
        Self::Failed { what: path.display().to_string(), detail: error.to_string() }
    }
}

fn owner(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".into(), |pid| format!("process {pid}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_what_is_wrong_and_what_to_do() {
        let locked = |pid| OpenError::Locked { directory: "/data".into(), pid }.to_string();
        assert_eq!(locked(Some(7)), "/data is in use by process 7; stop it or name another directory");
        assert_eq!(locked(None), "/data is in use by another process; stop it or name another directory");
        let behind = OpenError::LogBehind { generation: 1, partition: 2, end: 3, counted: 4 }.to_string();
        assert!(behind.starts_with("log.db ends at offset 3 of generation 1, partition 2, but"), "{behind}");
        assert!(!behind.contains("  "), "{behind}");
    }
}
