//! A batch of the wire: its bounds, its reports, its answer.

use crate::intake::Report;
use crate::not_taken::NotTaken;
use crate::outcome::{Outcome, Taken};
use domain::code::Code;
use domain::pulse::RawTime;
use domain::time::Timestamp;
use prost::Message;
use proto::v1;

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
    let received_time = Some(timestamp(received_time));
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

fn timestamp(instant: Timestamp) -> prost_types::Timestamp {
    let RawTime { seconds, nanos } = instant.into();
    prost_types::Timestamp { seconds, nanos }
}
