//! Dead letters by position: the untouched bytes of what cannot be counted.

use super::Place;
use bytes::Bytes;
use domain::dead_letter::{DeadLetter, DeadLetterId, PayloadKind};
use domain::port::Entry;
use domain::position::Position;
use domain::reject::{Reject, RejectReason};
use domain::table::Cell;
use domain::time::Timestamp;
use proto::blob::Blob;
use proto::record::{PulseView, RefusedPulse};

/// The most bytes of a foreign record in its dead letter, which must fit one cell and one mirrored record.
const FOREIGN_BYTES_MAX: usize = 256 * 1_024;

/// Where and when something that cannot be counted stands in the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) position: Position,
    pub(super) arrival: Timestamp,
}

impl Origin {
    fn id(self, place: &Place) -> DeadLetterId {
        DeadLetterId {
            day: self.arrival.day(),
            generation: place.generation.number,
            partition: place.partition,
            position: self.position,
        }
    }
}

/// The cell of a dead letter.
pub(super) fn cell(letter: &DeadLetter) -> Cell {
    Cell { key: letter.id.cell_key(), timestamp: letter.id.position.raw(), value: letter.to_blob() }
}

/// The same cell from the position of a purge on: the row without its payload. The page keeps the record itself.
pub(super) fn purged_cell(letter: &DeadLetter, purge: Position) -> Cell {
    let rest = DeadLetter { payload: Bytes::new(), ..letter.clone() };
    Cell { timestamp: purge.raw(), ..cell(&rest) }
}

/// A pulse that the edge refused and kept.
pub(super) fn refused(place: &Place, origin: Origin, refused: &RefusedPulse) -> DeadLetter {
    DeadLetter {
        id: origin.id(place),
        reason: refused.reason,
        field: refused.field.clone(),
        message: refused.message.clone(),
        received_time: origin.arrival,
        kind: PayloadKind::Pulse,
        payload: refused.payload.clone(),
    }
}

/// A pulse whose event time is outside the horizon.
pub(super) fn too_late(place: &Place, origin: Origin, pulse: &PulseView<'_>) -> DeadLetter {
    let days = place.generation.horizon.past_seconds / 86_400;
    let rule = format!("is outside the horizon of {days} days");
    of_pulse(place, origin, pulse, Reject::new(RejectReason::TooLate, "event_time", rule))
}

/// A pulse whose identity came before with other content.
pub(super) fn conflict(place: &Place, origin: Origin, pulse: &PulseView<'_>) -> DeadLetter {
    let rule = "came before with other content; the first is counted";
    of_pulse(place, origin, pulse, Reject::new(RejectReason::DuplicateConflict, "id", rule))
}

fn of_pulse(place: &Place, origin: Origin, pulse: &PulseView<'_>, reject: Reject) -> DeadLetter {
    DeadLetter {
        id: origin.id(place),
        reason: reject.reason,
        field: reject.field,
        message: reject.message,
        received_time: origin.arrival,
        kind: PayloadKind::Pulse,
        payload: pulse.payload(),
    }
}

/// Bytes in the log that are no record of ours. Of very many only the beginning: the page keeps them all.
pub(super) fn foreign(place: &Place, entry: &Entry) -> DeadLetter {
    let origin = Origin { position: Position::new(entry.offset, 0), arrival: entry.timestamp };
    let kept = entry.value.len().min(FOREIGN_BYTES_MAX);
    let message = format!(
        "the record carries no pulse-format header; the first {kept} of its {} bytes are kept here",
        entry.value.len()
    );
    DeadLetter {
        id: origin.id(place),
        reason: RejectReason::Undecodable,
        field: String::new(),
        message,
        received_time: entry.timestamp,
        kind: PayloadKind::Foreign,
        payload: entry.value.slice(..kept),
    }
}
