//! Control statements: what takes effect at its place in the log.

use crate::log::control::Statement;
use crate::{instant, log};
use domain::calendar::Period;
use domain::dead_letter::{DeadLetterEvent, DeadLetterId, DecidedIdentity};
use std::sync::Arc;

/// A statement about a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// From here on, pulses of that month are adjustments, or are no longer.
    Marker {
        /// The catalogue offset of the close command.
        number: u64,
        /// The billing calendar.
        calendar: Arc<str>,
        /// Its month.
        period: Period,
        /// `false`: it is opened again.
        closed: bool,
    },
    /// Something happened to a dead letter of this partition.
    DeadLetter {
        /// Which.
        id: DeadLetterId,
        /// What.
        event: DeadLetterEvent,
    },
}

/// The message of a statement.
pub fn to_wire(control: &Control) -> log::Control {
    let statement = match control {
        Control::Marker { number, calendar, period, closed } => Statement::CloseMarker(log::CloseMarker {
            number: *number,
            calendar: calendar.as_ref().to_owned(),
            period: period.to_string(),
            closed: *closed,
        }),
        Control::DeadLetter { id, event } => {
            let (event, decided) = event_to_wire(event);
            Statement::DeadLetter(log::DeadLetterChange { id: id.to_string(), event: event.into(), decided })
        }
    };
    log::Control { statement: Some(statement) }
}

/// The statement of a message. `None`: it breaks a rule.
pub fn from_wire(control: log::Control) -> Option<Control> {
    Some(match control.statement? {
        Statement::CloseMarker(marker) => Control::Marker {
            number: marker.number,
            calendar: marker.calendar.into(),
            period: Period::parse(&marker.period)?,
            closed: marker.closed,
        },
        Statement::DeadLetter(change) => Control::DeadLetter {
            id: DeadLetterId::parse(&change.id)?,
            event: event_from_wire(change.event(), change.decided)?,
        },
    })
}

fn event_to_wire(event: &DeadLetterEvent) -> (log::DeadLetterEvent, Option<log::DecidedIdentity>) {
    match event {
        DeadLetterEvent::Decided(identity) => {
            (log::DeadLetterEvent::Decided, Some(identity_to_wire(identity)))
        }
        DeadLetterEvent::RefusedAgain => (log::DeadLetterEvent::RefusedAgain, None),
        DeadLetterEvent::Replayed => (log::DeadLetterEvent::Replayed, None),
        DeadLetterEvent::Purged => (log::DeadLetterEvent::Purged, None),
    }
}

fn event_from_wire(
    event: log::DeadLetterEvent,
    decided: Option<log::DecidedIdentity>,
) -> Option<DeadLetterEvent> {
    match event {
        log::DeadLetterEvent::Unspecified => None,
        log::DeadLetterEvent::Decided => identity_from_wire(decided?).map(DeadLetterEvent::Decided),
        log::DeadLetterEvent::RefusedAgain => Some(DeadLetterEvent::RefusedAgain),
        log::DeadLetterEvent::Replayed => Some(DeadLetterEvent::Replayed),
        log::DeadLetterEvent::Purged => Some(DeadLetterEvent::Purged),
    }
}

/// The message of a decided identity.
pub fn identity_to_wire(identity: &DecidedIdentity) -> log::DecidedIdentity {
    log::DecidedIdentity {
        tenant: identity.tenant.clone(),
        source: identity.source.clone(),
        id: identity.id.clone(),
        event_time: Some(instant::to_wire(identity.event_time)),
    }
}

/// The decided identity of a message. `None`: its time breaks a rule.
pub fn identity_from_wire(identity: log::DecidedIdentity) -> Option<DecidedIdentity> {
    Some(DecidedIdentity {
        tenant: identity.tenant,
        source: identity.source,
        id: identity.id,
        event_time: instant::from_wire(identity.event_time)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(event: log::DeadLetterEvent) -> log::DeadLetterChange {
        log::DeadLetterChange { id: "20260131-1-3-12801".into(), event: event.into(), decided: None }
    }

    fn read(change: log::DeadLetterChange) -> Option<Control> {
        from_wire(log::Control { statement: Some(Statement::DeadLetter(change)) })
    }

    #[test]
    fn a_statement_that_says_nothing_known_is_none() {
        assert!(read(change(log::DeadLetterEvent::Purged)).is_some());
        assert_eq!(from_wire(log::Control { statement: None }), None);
        assert_eq!(read(change(log::DeadLetterEvent::Unspecified)), None);
        assert_eq!(read(log::DeadLetterChange { event: 99, ..change(log::DeadLetterEvent::Purged) }), None);
    }

    #[test]
    fn a_decision_names_its_identity_whole() {
        assert_eq!(read(change(log::DeadLetterEvent::Decided)), None);
        let timeless = log::DecidedIdentity { id: "a".into(), ..log::DecidedIdentity::default() };
        let decided = |identity| log::DeadLetterChange {
            decided: Some(identity),
            ..change(log::DeadLetterEvent::Decided)
        };
        assert_eq!(read(decided(timeless.clone())), None);
        let timed = log::DecidedIdentity { event_time: Some(prost_types::Timestamp::default()), ..timeless };
        assert!(read(decided(timed)).is_some());
    }

    #[test]
    fn a_marker_names_a_month_and_a_letter_its_place() {
        let marker = |period: &str| {
            let marker = log::CloseMarker { period: period.into(), ..log::CloseMarker::default() };
            from_wire(log::Control { statement: Some(Statement::CloseMarker(marker)) })
        };
        assert!(marker("2026-01").is_some());
        assert_eq!(marker("2026-00"), None);
        assert_eq!(marker(""), None);
        assert_eq!(
            read(log::DeadLetterChange { id: "1".into(), ..change(log::DeadLetterEvent::Purged) }),
            None
        );
    }
}
