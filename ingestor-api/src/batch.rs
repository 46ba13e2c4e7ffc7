//! A batch of the wire: its bounds, its reports, its answer.

use crate::intake::Report;
use crate::not_taken::NotTaken;
use crate::outcome::{Outcome, Taken};
use domain::code::Code;
use prost::Message;
use proto::{instant, v1};

/// The most pulses of one batch.
pub(crate) const BATCH_PULSES_MAX: usize = 1_000;
/// The most bytes of one batch.
pub(crate) const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// The reports of a batch that keeps its bounds.
pub(crate) fn reports(pulses: Vec<v1::Pulse>) -> Result<Vec<Report>, NotTaken> {
    check_count(pulses.len())?;
    bounded(pulses.into_iter().map(report).collect())
}

/// A batch that keeps its bounds.
pub(crate) fn bounded(reports: Vec<Report>) -> Result<Vec<Report>, NotTaken> {
    if reports.is_empty() {
        return Err(NotTaken::breaks_rule(Code::InvalidArgument, "pulses", "must hold at least one pulse"));
    }
    if reports.iter().map(|report| report.bytes).sum::<usize>() > BATCH_BYTES_MAX {
        return Err(NotTaken::breaks_rule(Code::TooLarge, "pulses", "must take at most 1 MiB"));
    }
    Ok(reports)
}

/// Refuses more pulses than a batch may have.
pub(crate) fn check_count(pulses: usize) -> Result<(), NotTaken> {
    if pulses <= BATCH_PULSES_MAX {
        return Ok(());
    }
    Err(NotTaken::breaks_rule(Code::TooLarge, "pulses", "must hold at most 1000 pulses"))
}

fn report(pulse: v1::Pulse) -> Report {
    let bytes = pulse.encoded_len();
    Report { raw: proto::pulse::from_wire(pulse), bytes, ..Report::default() }
}

/// The answer to a batch that was taken.
pub(crate) fn result(taken: Taken) -> v1::BatchResult {
    let Taken { mut ids, outcomes, minted, received_time } = taken;
    let count = |wanted: &Outcome| count(outcomes.iter().filter(|outcome| *outcome == wanted).count());
    let (accepted_count, duplicate_count) = (count(&Outcome::Accepted), count(&Outcome::Duplicate));
    let rejected =
        outcomes.iter().enumerate().filter_map(|(index, outcome)| Some((index, outcome.rejection()?)));
    let rejections = rejected.map(|(index, rejection)| v1::RejectedPulse {
        index: self::count(index),
        id: std::mem::take(&mut ids[index]),
        reason: rejection.reject.reason.number(),
        field: rejection.reject.field.clone(),
        message: rejection.reject.message.clone(),
        dead_letter_id: rejection.dead_letter.map(|id| id.to_string()).unwrap_or_default(),
    });
    let rejections = rejections.collect();
    let received_time = Some(instant::to_wire(received_time));
    v1::BatchResult { accepted_count, duplicate_count, rejections, minted_ids: minted, received_time }
}

/// The answer to a batch of which nothing is promised.
pub(crate) fn not_taken(error: NotTaken) -> v1::NotTaken {
    let retry_delay = error
        .retry_delay()
        .map(|delay| prost_types::Duration::try_from(delay).expect("a delay of less than a second fits"));
    v1::NotTaken { code: error.code.name().to_owned(), message: error.message, retry_delay }
}

pub(crate) fn count(count: usize) -> i32 {
    i32::try_from(count).expect("a batch holds at most a thousand pulses")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Rejection;
    use crate::testing::{NOW, raw};
    use domain::dead_letter::DeadLetterId;
    use domain::reject::{Reject, RejectReason};

    fn refusal<T>(result: Result<T, NotTaken>) -> Option<(Code, &'static str)> {
        result.err().map(|error| (error.code, error.field.unwrap()))
    }

    fn of_bytes(bytes: &[usize]) -> Vec<Report> {
        bytes.iter().map(|bytes| Report { bytes: *bytes, ..Report::default() }).collect()
    }

    #[test]
    fn a_batch_has_one_to_a_thousand_pulses_of_a_mebibyte() {
        assert_eq!(refusal(bounded(Vec::new())), Some((Code::InvalidArgument, "pulses")));
        assert_eq!(refusal(bounded(of_bytes(&[0]))), None);
        assert_eq!((refusal(check_count(1_000)), refusal(check_count(0))), (None, None));
        assert_eq!(refusal(check_count(1_001)), Some((Code::TooLarge, "pulses")));
        assert_eq!(refusal(bounded(of_bytes(&[1 << 20]))), None);
        assert_eq!(refusal(bounded(of_bytes(&[1 << 20, 1]))), Some((Code::TooLarge, "pulses")));
    }

    #[test]
    fn a_report_counts_with_its_size_on_the_wire() {
        let pulse = proto::pulse::to_wire(&raw("a-1"));
        let reports = reports(vec![pulse.clone()]).unwrap();
        let expected = Report { raw: raw("a-1"), bytes: pulse.encode_to_vec().len(), ..Report::default() };
        assert_eq!(reports, [expected]);
    }

    #[test]
    fn an_answer_counts_and_names_what_was_rejected() {
        let rejected = |dead_letter| {
            let reject = Reject::new(RejectReason::UnknownSku, "sku", "names no SKU");
            Outcome::Rejected(Box::new(Rejection { reject, dead_letter }))
        };
        let kept = DeadLetterId::parse("20260131-1-3-12801");
        let taken = Taken {
            ids: ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec(),
            outcomes: vec![
                Outcome::Accepted,
                rejected(kept),
                Outcome::Duplicate,
                Outcome::Accepted,
                rejected(None),
            ],
            minted: vec!["d".into()],
            received_time: NOW,
        };
        let result = result(taken);
        assert_eq!((result.accepted_count, result.duplicate_count), (2, 1));
        let told: Vec<_> = result
            .rejections
            .iter()
            .map(|rejection| (rejection.index, rejection.id.as_str(), rejection.dead_letter_id.as_str()))
            .collect();
        assert_eq!(told, [(1, "b", "20260131-1-3-12801"), (4, "e", "")]);
        assert_eq!(result.rejections[0].message, "sku names no SKU");
        assert_eq!(
            (result.minted_ids, result.received_time.unwrap().seconds),
            (vec!["d".to_owned()], NOW.seconds())
        );
    }

    #[test]
    fn what_is_not_taken_carries_its_code_and_when_to_come_again() {
        let passing = not_taken(NotTaken::overloaded("full"));
        assert_eq!((passing.code.as_str(), passing.message.as_str()), ("OVERLOADED", "full"));
        assert_eq!(passing.retry_delay, Some(prost_types::Duration { seconds: 0, nanos: 500_000_000 }));
        let lasting = not_taken(NotTaken::breaks_rule(Code::TooLarge, "pulses", "must be fewer"));
        assert_eq!((lasting.code.as_str(), lasting.retry_delay), ("TOO_LARGE", None));
    }
}
