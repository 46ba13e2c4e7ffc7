//! Dead letters by position: the untouched bytes of what cannot be counted.

use super::Place;
use domain::dead_letter::{DeadLetter, DeadLetterId, PayloadKind};
use domain::port::Entry;
use domain::position::Position;
use domain::reject::{Reject, RejectReason};
use domain::time::Timestamp;
use proto::record::{PulseView, RefusedPulse};

/// Where and when something that cannot be counted stands in the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) position: Position,
    pub(super) arrival: Timestamp,
}

impl Spot {
    fn id(self, place: &Place) -> DeadLetterId {
        DeadLetterId {
            day: self.arrival.day(),
            generation: place.generation.number,
            partition: place.partition,
            position: self.position,
        }
    }
}

/// A pulse that the edge refused and kept.
pub(super) fn refused(place: &Place, spot: Spot, refused: &RefusedPulse) -> DeadLetter {
    DeadLetter {
        id: spot.id(place),
        reason: refused.reason,
        field: refused.field.clone(),
        message: refused.message.clone(),
        received_time: spot.arrival,
        kind: PayloadKind::Pulse,
        payload: refused.payload.clone(),
    }
}

/// A pulse whose event time is outside the horizon.
pub(super) fn too_late(place: &Place, spot: Spot, pulse: &PulseView<'_>) -> DeadLetter {
    let days = place.generation.horizon.past_seconds / 86_400;
    let rule = format!("is outside the horizon of {days} days");
    of_pulse(place, spot, (pulse, Reject::new(RejectReason::TooLate, "event_time", rule)))
}

/// A pulse whose identity came before with other content.
pub(super) fn conflict(place: &Place, spot: Spot, pulse: &PulseView<'_>) -> DeadLetter {
    let rule = "came before with other content; the first is counted";
    of_pulse(place, spot, (pulse, Reject::new(RejectReason::DuplicateConflict, "id", rule)))
}

fn of_pulse(place: &Place, spot: Spot, (pulse, reject): (&PulseView<'_>, Reject)) -> DeadLetter {
    DeadLetter {
        id: spot.id(place),
        reason: reject.reason,
        field: reject.field,
        message: reject.message,
        received_time: spot.arrival,
        kind: PayloadKind::Pulse,
        payload: pulse.payload(),
    }
}

/// Bytes in the log that are no record of ours.
pub(super) fn foreign(place: &Place, entry: &Entry) -> DeadLetter {
    let spot = Spot { position: Position::new(entry.offset, 0), arrival: entry.timestamp };
    DeadLetter {
        id: spot.id(place),
        reason: RejectReason::Undecodable,
        field: String::new(),
        message: "the record carries no pulse-format header".to_owned(),
        received_time: entry.timestamp,
        kind: PayloadKind::Foreign,
        payload: entry.value.clone(),
    }
}
