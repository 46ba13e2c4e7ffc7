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

#[cfg(test)]
mod tests {
    use super::*;
    use scylla::errors::{BrokenConnectionErrorKind, ConnectionPoolError, OperationType, WriteType};
    use scylla::statement::Consistency;
    use std::time::Duration;

    fn answer(error: DbError) -> ExecutionError {
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, "why".to_owned()))
    }

    fn limited(rejected_by_coordinator: bool) -> ExecutionError {
        answer(DbError::RateLimitReached { op_type: OperationType::Write, rejected_by_coordinator })
    }

    /// What may have been written: failures after which nobody knows.
    fn unknown() -> Vec<ExecutionError> {
        let (consistency, write_type) = (Consistency::Quorum, WriteType::Simple);
        let (received, required) = (1, 2);
        let failure = DbError::WriteFailure {
            consistency,
            received,
            required,
            numfailures: 1,
            write_type: write_type.clone(),
        };
        let broken = BrokenConnectionErrorKind::ChannelError;
        vec![
            ExecutionError::RequestTimeout(Duration::from_secs(1)),
            answer(DbError::WriteTimeout { consistency, received, required, write_type }),
            answer(failure),
            answer(DbError::ServerError),
            answer(DbError::Other(0x7000)),
            limited(false),
            ExecutionError::LastAttemptError(RequestAttemptError::BrokenConnectionError(broken.into())),
        ]
    }

    /// What was certainly not written, because the cluster could or would not.
    fn unavailable() -> Vec<ExecutionError> {
        let too_few = DbError::Unavailable { consistency: Consistency::Quorum, required: 2, alive: 1 };
        vec![
            ExecutionError::EmptyPlan,
            ExecutionError::ConnectionPoolError(ConnectionPoolError::Initializing),
            answer(too_few),
            answer(DbError::IsBootstrapping),
            answer(DbError::Invalid),
            answer(DbError::Unauthorized),
        ]
    }

    fn overloaded() -> Vec<ExecutionError> {
        let streams = RequestAttemptError::UnableToAllocStreamId;
        vec![answer(DbError::Overloaded), limited(true), ExecutionError::LastAttemptError(streams)]
    }

    #[test]
    fn a_write_is_unknown_unless_it_was_certainly_not_done() {
        for error in unknown() {
            assert!(matches!(of_write(&error), StoreError::UnknownOutcome(_)), "{error:?}");
        }
        for error in unavailable() {
            assert!(matches!(of_write(&error), StoreError::Unavailable(_)), "{error:?}");
        }
        for error in overloaded() {
            assert!(matches!(of_write(&error), StoreError::Overloaded(_)), "{error:?}");
        }
    }

    #[test]
    fn a_read_has_no_unknown_outcome() {
        for error in unknown().into_iter().chain(unavailable()) {
            assert!(matches!(of_read(&error), StoreError::Unavailable(_)), "{error:?}");
        }
        for error in overloaded() {
            assert!(matches!(of_read(&error), StoreError::Overloaded(_)), "{error:?}");
        }
    }

    #[test]
    fn the_reason_of_the_cluster_is_told() {
        let told = of_write(&answer(DbError::Invalid)).to_string();
        assert!(told.starts_with("the store is unavailable: ") && told.contains("why"), "{told}");
    }
}
