//! Dead letters and their later state in cells.

use super::{Blob, BlobError, open, seal};
use crate::record::{identity_from_wire, identity_to_wire};
use crate::{instant, log};
use bytes::Bytes;
use domain::dead_letter::{DeadLetter, DeadLetterId, DeadLetterState, PayloadKind, Status};
use domain::position::Position;
use domain::reject::RejectReason;

const FORMAT: u8 = 1;

impl Blob for DeadLetter {
    fn to_blob(&self) -> Bytes {
        seal(FORMAT, &to_wire(self))
    }

    fn from_blob(bytes: &[u8]) -> Result<Self, BlobError> {
        from_wire(open(FORMAT, bytes)?).ok_or(BlobError::Damaged)
    }
}

/// The message of a dead letter.
pub fn to_wire(letter: &DeadLetter) -> log::DeadLetter {
    let kind = match letter.kind {
        PayloadKind::Pulse => log::PayloadKind::Pulse,
        PayloadKind::Foreign => log::PayloadKind::Foreign,
    };
    log::DeadLetter {
        id: letter.id.to_string(),
        reason: letter.reason.number(),
        field: letter.field.clone(),
        message: letter.message.clone(),
        received_time: Some(instant::to_wire(letter.received_time)),
        payload_kind: kind.into(),
        payload: letter.payload.clone(),
    }
}

fn from_wire(letter: log::DeadLetter) -> Option<DeadLetter> {
    let kind = match letter.payload_kind() {
        log::PayloadKind::Unspecified => return None,
        log::PayloadKind::Pulse => PayloadKind::Pulse,
        log::PayloadKind::Foreign => PayloadKind::Foreign,
    };
    Some(DeadLetter {
        id: DeadLetterId::parse(&letter.id)?,
        reason: RejectReason::from_number(letter.reason)?,
        field: letter.field,
        message: letter.message,
        received_time: instant::from_wire(letter.received_time)?,
        kind,
        payload: letter.payload,
    })
}

impl Blob for DeadLetterState {
    fn to_blob(&self) -> Bytes {
        let status = match self.status {
            Status::Open => log::DeadLetterStatus::Open,
            Status::Replayed => log::DeadLetterStatus::Replayed,
            Status::Purged => log::DeadLetterStatus::Purged,
        };
        let cell = log::DeadLetterState {
            position: self.position.raw(),
            status: status.into(),
            attempts: self.attempts,
            replayed_time: self.replayed_time.map(instant::to_wire),
            decided: self.decided.as_ref().map(identity_to_wire),
        };
        seal(FORMAT, &cell)
    }

    fn from_blob(bytes: &[u8]) -> Result<Self, BlobError> {
        read_state(open(FORMAT, bytes)?).ok_or(BlobError::Damaged)
    }
}

fn read_state(cell: log::DeadLetterState) -> Option<DeadLetterState> {
    let status = match log::DeadLetterStatus::try_from(cell.status).ok()? {
        log::DeadLetterStatus::Open => Status::Open,
        log::DeadLetterStatus::Replayed => Status::Replayed,
        log::DeadLetterStatus::Purged => Status::Purged,
    };
    let replayed_time = match cell.replayed_time {
        Some(time) => Some(instant::from_wire(Some(time))?),
        None => None,
    };
    let decided = match cell.decided {
        Some(identity) => Some(identity_from_wire(identity)?),
        None => None,
    };
    Some(DeadLetterState {
        position: Position::from_raw(cell.position),
        status,
        attempts: cell.attempts,
        replayed_time,
        decided,
    })
}
