//! Dead letters: what was refused and kept, by position, and what became of it since.

use crate::aggregate::day_text;
use crate::position::Position;
use crate::reject::RejectReason;
use crate::table::{CellKey, DEAD_LETTER, DEAD_LETTER_STATE, KeyValue};
use crate::time::Timestamp;
use bytes::Bytes;
use std::fmt;

/// Where a dead letter is kept. Its text, `20260131-1-3-12801`, is the outward id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeadLetterId {
    /// The UTC day it arrived, counted from the epoch.
    pub day: i64,
    /// The log's generation.
    pub generation: u32,
    /// The partition within.
    pub partition: u32,
    /// Its position.
    pub position: Position,
}

impl DeadLetterId {
    /// Reads the outward id.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (day, generation) = (parts.next()?, parts.next()?.parse().ok()?);
        let (partition, position) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let shaped = day.len() == 8 && day.is_ascii() && parts.next().is_none();
        if !shaped {
            return None;
        }
        let date = format!("{}-{}-{}T00:00:00Z", &day[..4], &day[4..6], &day[6..]);
        let day = Timestamp::parse(&date).ok()?.day();
        Some(Self { day, generation, partition, position: Position::from_raw(position) })
    }

    /// The partition key of all dead letters of that day and partition.
    pub fn partition_key(day: i64, generation: u32, partition: u32) -> Vec<KeyValue> {
        vec![KeyValue::text(&day_text(day)), generation.into(), partition.into()]
    }

    /// The cell it is kept in.
    pub fn cell_key(&self) -> CellKey {
        let partition = Self::partition_key(self.day, self.generation, self.partition);
        CellKey::new(&DEAD_LETTER, partition, vec![self.position.raw().into()])
    }

    /// The cell of its later state.
    pub fn state_key(&self) -> CellKey {
        let partition = Self::partition_key(self.day, self.generation, self.partition);
        CellKey::new(&DEAD_LETTER_STATE, partition, vec![self.position.raw().into()])
    }
}

impl fmt::Display for DeadLetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = day_text(self.day).replace('-', "");
        write!(f, "{day}-{}-{}-{}", self.generation, self.partition, self.position.raw())
    }
}

/// What the payload of a dead letter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadKind {
    /// The bytes of a `pulse.v1.Pulse`.
    Pulse,
    /// The value of a record that is none of ours.
    Foreign,
}

/// What was refused and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Where it is kept.
    pub id: DeadLetterId,
    /// Why.
    pub reason: RejectReason,
    /// The field at fault.
    pub field: String,
    /// For people.
    pub message: String,
    /// When it arrived.
    pub received_time: Timestamp,
    /// What the payload is.
    pub kind: PayloadKind,
    /// The untouched bytes; none once it was purged.
    pub payload: Bytes,
}

/// What became of a dead letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Waiting.
    #[default]
    Open,
    /// Billed by a replay.
    Replayed,
    /// Its payload was given up.
    Purged,
}

impl Status {
    /// The outward name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Replayed => "replayed",
            Self::Purged => "purged",
        }
    }
}

/// The identity that a decision about a dead letter fixed for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidedIdentity {
    /// Who pays.
    pub tenant: String,
    /// Who reports.
    pub source: String,
    /// The id.
    pub id: String,
    /// The event time.
    pub event_time: Timestamp,
}

/// A dead letter's later state, folded from control records of its own partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterState {
    /// The last control record that changed it.
    pub position: Position,
    /// Where it stands.
    pub status: Status,
    /// How often a replay was tried.
    pub attempts: u32,
    /// When it was billed.
    pub replayed_time: Option<Timestamp>,
    /// Its identity, once decided.
    pub decided: Option<DecidedIdentity>,
}

/// What happened to a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeadLetterEvent {
    /// Its identity was changed; only the first such decision holds.
    Decided(DecidedIdentity),
    /// A replay was refused again.
    RefusedAgain,
    /// A replay was durable.
    Replayed,
    /// Its payload was given up: its cell is written again without it, stamped by this event. The page of the record it
    /// came from keeps the record.
    Purged,
}

impl DeadLetterState {
    /// Folds one event, once: only positions above its own change it. Says whether it did.
    pub fn apply(&mut self, position: Position, time: Timestamp, event: &DeadLetterEvent) -> bool {
        if position <= self.position {
            return false;
        }
        self.position = position;
        match event {
            DeadLetterEvent::Decided(identity) => {
                self.decided.get_or_insert_with(|| identity.clone());
            }
            DeadLetterEvent::RefusedAgain => self.attempts += 1,
            DeadLetterEvent::Replayed => {
                self.attempts += 1;
                self.status = Status::Replayed;
                self.replayed_time.get_or_insert(time);
            }
            DeadLetterEvent::Purged if self.status == Status::Open => self.status = Status::Purged,
            DeadLetterEvent::Purged => {}
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = DeadLetterId { day: 20_484, generation: 1, partition: 3, position: Position::new(50, 0) };
        assert_eq!(id.to_string(), "20260131-1-3-12801");
        assert_eq!(DeadLetterId::parse("20260131-1-3-12801"), Some(id));
        for bad in ["", "2026-1-3-1", "20260131-1-3", "20261331-1-3-1", "20260131-1-3-1-1", "2026013é-1-3-1"]
        {
            assert_eq!(DeadLetterId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_first_decision_holds_and_replays_are_folded_once() {
        let identity = |id: &str| DecidedIdentity {
            tenant: "acme".into(),
            source: String::new(),
            id: id.into(),
            event_time: Timestamp::EPOCH,
        };
        let mut state = DeadLetterState::default();
        let time = Timestamp::from_seconds(9);
        assert!(state.apply(Position::new(1, 0), time, &DeadLetterEvent::Decided(identity("first"))));
        assert!(state.apply(Position::new(2, 0), time, &DeadLetterEvent::Decided(identity("second"))));
        assert!(state.apply(Position::new(3, 0), time, &DeadLetterEvent::RefusedAgain));
        assert!(state.apply(Position::new(4, 0), time, &DeadLetterEvent::Replayed));
        assert!(!state.apply(Position::new(4, 0), time, &DeadLetterEvent::Replayed));
        assert!(state.apply(Position::new(5, 0), time, &DeadLetterEvent::Purged));
        assert_eq!(state.decided, Some(identity("first")));
        assert_eq!((state.status, state.attempts, state.replayed_time), (Status::Replayed, 2, Some(time)));
    }
}
