//! What a failure of the driver means for the caller: whether anything may have been written.

use domain::port::StoreError;
use scylla::errors::{DbError, ExecutionError, RequestAttemptError};

/// The error of a write of one statement. What is not known to have stayed undone may have been done.
pub fn of_write(error: &ExecutionError) -> StoreError {
    let reason = error.to_string();
    match error {
        ExecutionError::LastAttemptError(attempt) => of_attempt(attempt, reason),
        ExecutionError::RequestTimeout(_) => StoreError::UnknownOutcome(reason),
        _ => StoreError::Unavailable(reason),
    }
}

/// The error of a read.
pub fn of_read(error: &ExecutionError) -> StoreError {
    match of_write(error) {
        StoreError::UnknownOutcome(reason) => StoreError::Unavailable(reason),
        known => known,
    }
}

fn of_attempt(error: &RequestAttemptError, reason: String) -> StoreError {
    match error {
        RequestAttemptError::DbError(error, _) => of_answer(error, reason),
        RequestAttemptError::UnableToAllocStreamId => StoreError::Overloaded(reason),
        RequestAttemptError::SerializationError(_) | RequestAttemptError::CqlRequestSerialization(_) => {
            StoreError::Unavailable(reason)
        }
        _ => StoreError::UnknownOutcome(reason),
    }
}

fn of_answer(error: &DbError, reason: String) -> StoreError {
    match error {
        DbError::Overloaded | DbError::RateLimitReached { rejected_by_coordinator: true, .. } => {
            StoreError::Overloaded(reason)
        }
        DbError::Unavailable { .. }
        | DbError::IsBootstrapping
        | DbError::SyntaxError
        | DbError::Invalid
        | DbError::ConfigError
        | DbError::AuthenticationError
        | DbError::Unauthorized
        | DbError::Unprepared { .. } => StoreError::Unavailable(reason),
        _ => StoreError::UnknownOutcome(reason),
    }
}
