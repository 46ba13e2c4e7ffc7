//! Failures of calls on the log and the store: most pass, some need somebody.

use crate::alarm::Alarm;
use domain::port::{LogError, StoreError};

/// Why a call failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The same call may succeed later.
    Passing(String),
    /// It will not.
    Alarm(Alarm),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Alarm::of_store(&error).map_or_else(|| Self::Passing(error.to_string()), Self::Alarm)
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Alarm::of_log(&error).map_or_else(|| Self::Passing(error.to_string()), Self::Alarm)
    }
}

impl From<Alarm> for Failure {
    fn from(alarm: Alarm) -> Self {
        Self::Alarm(alarm)
    }
}
