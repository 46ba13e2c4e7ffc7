//! Alarms: what stops a partition until somebody acts. Each has a name to search for and says what to do.

use domain::port::{LogError, StoreError, TopicPartition};
use domain::time::Timestamp;

/// Why a partition stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Alarm {
    /// The log is another one than the registry names.
    #[error(
        "{}: the log is incarnation {found}, the checkpoint and the registry say {expected}; restore the log or register its incarnation", self.name())]
    IncarnationMismatch {
        /// What the registry or the checkpoint names.
        expected: String,
        /// What the log or the record says.
        found: String,
    },
    /// The log ends below what was already counted.
    #[error("{}: the log ends at offset {high}, {next} was already reached; restore the log, or declare the loss by `pulse catalog add-incarnation`", self.name())]
    LogTooShort {
        /// The checkpoint's next offset.
        next: u64,
        /// Where the log ends.
        high: u64,
    },
    /// Retention removed records that were not counted yet.
    #[error(
        "{}: the log begins at offset {low}, {next} is not counted yet; restore the log or, where they are gone for good, declare the loss by `pulse catalog add-incarnation`; `pulse doctor` says what keeps records longer", self.name())]
    RetentionPassed {
        /// The checkpoint's next offset.
        next: u64,
        /// Where the log begins.
        low: u64,
    },
    /// The record before the checkpoint is not the one that was counted.
    #[error(
        "{}: record {offset} is not the one that was counted; the log was replaced, restore it, or declare the loss by `pulse catalog add-incarnation`", self.name())]
    FingerprintMismatch {
        /// Which record.
        offset: u64,
    },
    /// The log does not know it any more.
    #[error("{}: the log has no partition {partition} any more; run `pulse doctor`, restore the topic, and start this process again", self.name())]
    TopicGone {
        /// The first that is missing.
        partition: TopicPartition,
    },
    /// Somebody added it behind our back: nothing is routed there, and what others put there is not ours to count.
    #[error("{}: {partition} was added to a topic of {partitions}; leave it empty, and run `pulse doctor`", self.name())]
    PartitionAdded {
        /// Which.
        partition: TopicPartition,
        /// How many partitions the registry names.
        partitions: u32,
    },
    /// The ledger may have forgotten ids that a replay from here needs.
    #[error(
        "{}: record {offset} arrived at {arrival}, longer ago than the ledger remembers; restore the checkpoint", self.name())]
    ReplayTooOld {
        /// The first record to be replayed.
        offset: u64,
        /// When it arrived.
        arrival: Timestamp,
    },
    /// A record that this version cannot read; it may hold acknowledged pulses.
    #[error("{}: record {offset} has {what}; upgrade this process", self.name())]
    NewerFormat {
        /// Which record.
        offset: u64,
        /// Which format or rules.
        what: String,
    },
    /// A record whose check sum fails; it may hold acknowledged pulses.
    #[error("{}: record {offset} fails its check; restore the log", self.name())]
    DamagedRecord {
        /// Which record.
        offset: u64,
    },
    /// A statement that no store or log will ever take.
    #[error("{}: {what}; raise the bound of the backend", self.name())]
    StatementTooLarge {
        /// Which, and by how much.
        what: String,
    },
    /// A stored cell that cannot be read.
    #[error("{}: {what}; restore the store", self.name())]
    DamagedCell {
        /// Which cell, and how.
        what: String,
    },
}

impl Alarm {
    /// The name its text begins with.
    pub fn name(&self) -> &'static str {
        match self {
            Self::IncarnationMismatch { .. } => "INCARNATION_MISMATCH",
            Self::LogTooShort { .. } => "LOG_TOO_SHORT",
            Self::RetentionPassed { .. } => "RETENTION_PASSED",
            Self::FingerprintMismatch { .. } => "FINGERPRINT_MISMATCH",
            Self::TopicGone { .. } => "TOPIC_GONE",
            Self::PartitionAdded { .. } => "PARTITION_ADDED",
            Self::ReplayTooOld { .. } => "REPLAY_TOO_OLD",
            Self::NewerFormat { .. } => "NEWER_FORMAT",
            Self::DamagedRecord { .. } => "DAMAGED_RECORD",
            Self::StatementTooLarge { .. } => "STATEMENT_TOO_LARGE",
            Self::DamagedCell { .. } => "DAMAGED_CELL",
        }
    }

    /// The alarm of a failure that trying again does not mend.
    pub(crate) fn of_store(error: &StoreError) -> Option<Self> {
        match error {
            StoreError::Damaged { .. } => Some(Self::DamagedCell { what: error.to_string() }),
            StoreError::TooLarge { .. } => Some(Self::StatementTooLarge { what: error.to_string() }),
            StoreError::UnknownOutcome(_) | StoreError::Overloaded(_) | StoreError::Unavailable(_) => None,
        }
    }

    /// The alarm of a failure that trying again does not mend.
    pub(crate) fn of_log(error: &LogError) -> Option<Self> {
        match error {
            LogError::Damaged { offset, .. } => Some(Self::DamagedRecord { offset: *offset }),
            LogError::TooLarge { .. } => Some(Self::StatementTooLarge { what: error.to_string() }),
            _ => None,
        }
    }
}
