//! How a command ends, and which failure ends it how.

use std::process::ExitCode;

/// The exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All is well.
    Done = 0,
    /// Anything that has no code of its own.
    Failed = 1,
    /// Wrong arguments or a bad configuration.
    Usage = 2,
    /// Some pulses were rejected.
    Partial = 3,
    /// The server is not there or not ready.
    NotReady = 4,
    /// The credential is missing or does not allow it.
    NotAllowed = 5,
    /// The books do not balance.
    Unbalanced = 6,
}

impl Exit {
    /// The code of a failure: that of the first cause that names one.
    pub fn of(error: &anyhow::Error) -> Self {
        let named = error.chain().find_map(|cause| cause.downcast_ref::<Failure>());
        named.map_or(Self::Failed, |failure| failure.exit)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A failure that names its exit code.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// How the command ends.
    pub exit: Exit,
    /// For people.
    pub message: String,
}

impl Failure {
    /// A failure of the caller's: wrong arguments or a bad configuration.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into() }
    }

    /// The server is not there or not ready.
    pub fn not_ready(message: impl Into<String>) -> Self {
        Self { exit: Exit::NotReady, message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_failure_keeps_its_code_under_any_context() {
        let bare: anyhow::Error = Failure::usage("no such key").into();
        let wrapped = Err::<(), _>(bare).context("reading the file").unwrap_err();
        assert_eq!(Exit::of(&wrapped), Exit::Usage);
        assert_eq!(format!("{wrapped:#}"), "reading the file: no such key");
    }

    #[test]
    fn a_failure_without_a_code_is_one() {
        assert_eq!(Exit::of(&anyhow::anyhow!("disk on fire")), Exit::Failed);
    }
}
