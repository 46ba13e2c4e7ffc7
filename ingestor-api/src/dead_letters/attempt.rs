//! Replaying a page of dead letters: identities are fixed first, then the pulses are sent, then the books are told.

use super::books::Books;
use super::pace::Pace;
use super::repair::{Repaired, fix, repair};
use super::search::{Found, read_state};
use crate::dispatch::{Refusals, dispatch};
use crate::edge::{Examined, Ids};
use crate::intake::Report;
use crate::item::Item;
use crate::outcome::{Outcome, Rejection};
use domain::dead_letter::{DeadLetterEvent, DeadLetterId, DecidedIdentity};
use domain::pulse::RawPulse;
use prost::Message;
use rest::Problem;

/// The most pulses sent together.
const BATCH_PULSES_MAX: usize = 1_000;

/// The replay of one dead letter.
pub(super) struct Attempt {
    letter: DeadLetterId,
    raw: RawPulse,
    /// To be fixed before the pulse is sent.
    decision: Option<DecidedIdentity>,
    /// `None`: still to be sent.
    outcome: Option<Outcome>,
    /// What its books are told.
    event: Option<DeadLetterEvent>,
}

impl Attempt {
    /// The attempt to replay what was found with some fields set.
    pub fn new(found: &Found, set: &RawPulse) -> Self {
        let letter = found.letter.id;
        match repair(&found.letter, found.state.decided.as_ref(), set) {
            Ok(Repaired { raw, decision }) => Self { letter, raw, decision, outcome: None, event: None },
            Err(reject) => {
                let outcome = Some(Outcome::Rejected(Box::new(Rejection { reject, dead_letter: None })));
                Self { letter, raw: RawPulse::default(), decision: None, outcome, event: None }
            }
        }
    }

    /// What became of it.
    pub fn into_item(self, index: usize) -> Item {
        let outcome = self.outcome.expect("every attempt has an outcome at the end");
        Item::new(index, self.raw.id, &outcome, Some(self.letter))
    }

    fn report(&self) -> Report {
        let bytes = proto::pulse::to_wire(&self.raw).encoded_len();
        Report { raw: self.raw.clone(), bytes, ..Report::default() }
    }

    fn take_event(&mut self) -> Option<(DeadLetterId, DeadLetterEvent)> {
        Some((self.letter, self.event.take()?))
    }

    /// Refused again: nothing of it was appended.
    fn refuse(&mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
        self.event = Some(DeadLetterEvent::RefusedAgain);
    }
}

impl Books<'_> {
    /// Tells what would become of the attempts, and changes nothing.
    pub async fn try_out(&self, attempts: &mut [Attempt]) -> Result<(), Problem> {
        let mut open: Vec<&mut Attempt> =
            attempts.iter_mut().filter(|attempt| attempt.outcome.is_none()).collect();
        for batch in open.chunks_mut(BATCH_PULSES_MAX) {
            let outcomes = self.examine(batch).await?;
            for (attempt, outcome) in batch.iter_mut().zip(outcomes) {
                attempt.outcome = Some(outcome);
            }
        }
        Ok(())
    }

    /// Sends the attempts. Of what fails here nothing is promised; repeating it is safe.
    pub async fn send(&self, attempts: &mut [Attempt], pace: Pace) -> Result<(), Problem> {
        self.decide(attempts).await?;
        let mut open: Vec<&mut Attempt> =
            attempts.iter_mut().filter(|attempt| attempt.outcome.is_none()).collect();
        for batch in open.chunks_mut(pace.batch()) {
            self.append(batch).await?;
            self.tell(batch.iter_mut().filter_map(|attempt| attempt.take_event())).await?;
            pace.keep().await;
        }
        self.tell(attempts.iter_mut().filter_map(Attempt::take_event)).await
    }

    /// Fixes the identities that could be chosen, of those pulses that would be taken.
    async fn decide(&self, attempts: &mut [Attempt]) -> Result<(), Problem> {
        let mut open: Vec<&mut Attempt> =
            attempts.iter_mut().filter(|attempt| attempt.decision.is_some()).collect();
        for batch in open.chunks_mut(BATCH_PULSES_MAX) {
            let outcomes = self.examine(batch).await?;
            for (attempt, outcome) in batch.iter_mut().zip(outcomes) {
                if outcome.rejection().is_some() {
                    attempt.decision = None;
                    attempt.refuse(outcome);
                }
            }
        }
        if attempts.iter().all(|attempt| attempt.decision.is_none()) {
            return Ok(());
        }
        let decided = attempts.iter().filter_map(|attempt| {
            Some((attempt.letter, DeadLetterEvent::Decided(attempt.decision.clone()?)))
        });
        self.tell(decided).await?;
        self.wait_until_counted().await?;
        for attempt in attempts.iter_mut().filter(|attempt| attempt.decision.is_some()) {
            let state = read_state(self.store, attempt.letter).await?;
            // The first decision holds, which may be that of another replay.
            let decided =
                state.decided.ok_or_else(|| Problem::internal("a counted decision is not in its cell"))?;
            fix(&mut attempt.raw, &decided);
        }
        Ok(())
    }

    async fn append(&self, batch: &mut [&mut Attempt]) -> Result<(), Problem> {
        let taken = self.edge.append(self.ask(batch).await?, Refusals::Answered).await?;
        for (attempt, outcome) in batch.iter_mut().zip(taken.outcomes) {
            match outcome {
                Outcome::Rejected(_) => attempt.refuse(outcome),
                Outcome::Accepted | Outcome::Duplicate => {
                    attempt.outcome = Some(outcome);
                    attempt.event = Some(DeadLetterEvent::Replayed);
                }
            }
        }
        Ok(())
    }

    async fn examine(&self, batch: &[&mut Attempt]) -> Result<Vec<Outcome>, Problem> {
        let Examined { reports, verdict, .. } = self.ask(batch).await?;
        Ok(dispatch(&reports, verdict, Refusals::Answered).outcomes)
    }

    async fn ask(&self, batch: &[&mut Attempt]) -> Result<Examined, Problem> {
        let reports = batch.iter().map(|attempt| attempt.report()).collect();
        Ok(self.edge.examine(reports, Ids::Required).await?)
    }
}
