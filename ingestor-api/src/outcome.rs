//! What became of each pulse of a batch that was taken.

use domain::dead_letter::DeadLetterId;
use domain::reject::Reject;
use domain::time::Timestamp;

/// One pulse's outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Durable now.
    Accepted,
    /// Known here with the same content: as good as accepted.
    Duplicate,
    /// It will not be counted as it is.
    Rejected(Box<Rejection>),
}

/// Why a pulse will not be counted, and where it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    /// Reason, field, message.
    pub reject: Reject,
    /// `None`: it is not kept.
    pub dead_letter: Option<DeadLetterId>,
}

/// A batch of which all that is to be kept is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The id of each pulse, sent or minted.
    pub ids: Vec<String>,
    /// What became of each.
    pub outcomes: Vec<Outcome>,
    /// The ids of those that came without, in their order.
    pub minted: Vec<String>,
    /// A moment after the last of them became durable.
    pub received_time: Timestamp,
}

impl Outcome {
    /// Notes where a rejected pulse is kept.
    pub fn keep(&mut self, id: DeadLetterId) {
        if let Self::Rejected(rejection) = self {
            rejection.dead_letter = Some(id);
        }
    }

    /// The refusal of a rejected pulse.
    pub fn rejection(&self) -> Option<&Rejection> {
        match self {
            Self::Accepted | Self::Duplicate => None,
            Self::Rejected(rejection) => Some(rejection),
        }
    }
}
