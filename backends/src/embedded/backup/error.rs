//! Why there is no backup, or none was restored.

use crate::embedded::OpenError;
use std::path::PathBuf;

/// Nothing was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackupError {
    /// There is nothing to copy.
    #[error("{} holds no data of pulse; name a data directory or a backup", .0.display())]
    NoData(PathBuf),
    /// Nothing is ever overwritten.
    #[error("{} is not empty; name an empty directory or a new one", .0.display())]
    NotEmpty(PathBuf),
    /// One of the two directories is not as it must be.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The engine or the operating system refused.
    #[error("{file} cannot be copied: {detail}")]
    Failed {
        /// The file.
        file: &'static str,
        /// Why.
        detail: String,
    },
}
