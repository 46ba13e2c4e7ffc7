//! Pulses that are refused: one for every reason for which a pulse is kept.

use domain::pulse::RawPulse;
use domain::reject::RejectReason;
use domain::time::Timestamp;

const HOUR: i64 = 3_600;

/// Pulses of which one ends as a dead letter of that reason; none where no client can cause it.
pub fn refused(reason: RejectReason, now: Timestamp) -> Vec<RawPulse> {
    let good = good(reason, now);
    let bad = match reason {
        RejectReason::InvalidQuantity => RawPulse { quantity: "1e3".into(), ..good },
        RejectReason::UnitMismatch => RawPulse { unit: "GB".into(), ..good },
        RejectReason::UnknownSku => RawPulse { sku: "llm.inptu".into(), ..good },
        RejectReason::UnknownTenant => RawPulse { tenant: "inetech".into(), ..good },
        RejectReason::InvalidTime => {
            RawPulse { interval_end_time: Some(now.plus_seconds(-2 * HOUR).into()), ..good }
        }
        RejectReason::TooLate => {
            RawPulse { event_time: Some(now.plus_seconds(-60 * 24 * HOUR).into()), ..good }
        }
        RejectReason::InFuture => RawPulse { event_time: Some(now.plus_seconds(24 * HOUR).into()), ..good },
        RejectReason::DuplicateConflict => {
            return vec![good.clone(), RawPulse { quantity: "1501".into(), ..good }];
        }
        RejectReason::DimensionLimit => {
            let dimensions = (0..17).map(|number| (format!("label-{number}"), "x".to_owned())).collect();
            RawPulse { dimensions, ..good }
        }
        RejectReason::UnknownUnit => RawPulse { unit: "furlong".into(), ..good },
        RejectReason::TenantSuspended => RawPulse { tenant: "umbrella".into(), ..good },
        RejectReason::InvalidId => RawPulse { id: "x".repeat(300), ..good },
        RejectReason::InvalidField => RawPulse { resource_id: "line\u{7}".into(), ..good },
        RejectReason::TooLarge | RejectReason::NotAllowed | RejectReason::Undecodable => return Vec::new(),
    };
    vec![bad]
}

/// A pulse that is accepted, under an id of its reason's own.
fn good(reason: RejectReason, now: Timestamp) -> RawPulse {
    RawPulse {
        id: format!("demo-{}", reason.name().to_lowercase()),
        source: "demo-refused".into(),
        tenant: "initech".into(),
        sku: "llm.input".into(),
        quantity: "1500".into(),
        unit: "token".into(),
        event_time: Some(now.plus_seconds(-HOUR).into()),
        ..RawPulse::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_764_000_000);

    /// What parsing alone finds; the others are found by catalogue, clock or ledger.
    #[test]
    fn each_pulse_breaks_the_rule_of_its_reason_and_no_other() {
        let mut by_parsing = Vec::new();
        for reason in RejectReason::ALL {
            for pulse in refused(*reason, NOW) {
                if let Err(rejects) = pulse.parse() {
                    let reasons: Vec<_> = rejects.all().iter().map(|reject| reject.reason).collect();
                    assert_eq!(reasons, [*reason], "{pulse:?}");
                    by_parsing.push(*reason);
                }
            }
        }
        assert_eq!(
            by_parsing,
            [
                RejectReason::InvalidQuantity,
                RejectReason::InvalidTime,
                RejectReason::DimensionLimit,
                RejectReason::InvalidId,
                RejectReason::InvalidField,
            ]
        );
    }

    #[test]
    fn every_reason_that_a_client_can_cause_and_that_is_kept_has_its_pulse() {
        let without: Vec<_> =
            RejectReason::ALL.iter().filter(|reason| refused(**reason, NOW).is_empty()).collect();
        assert_eq!(without, [&RejectReason::TooLarge, &RejectReason::NotAllowed, &RejectReason::Undecodable]);
    }

    #[test]
    fn a_conflict_is_one_identity_with_two_contents() {
        let pair = refused(RejectReason::DuplicateConflict, NOW);
        let [first, second] = &pair[..] else { panic!("two pulses") };
        assert_eq!((&first.id, first.event_time), (&second.id, second.event_time));
        assert_ne!(first.quantity, second.quantity);
    }
}
